//! Numbers that stand for a person: national ids, papers, cards, accounts.

use super::lookup::{Entry, Weight};
use crate::masking::Class::{
    BankAccount, CardNumber, CardSecurity, DocumentId, Iban, Money, NationalId, PseudonymousId,
};

pub(super) const ENTRIES: &[Entry] = &[
    (
        NationalId,
        Weight::Sure,
        "ssn socialsecuritynumber socialsecurity socialsecurityno socsecno ssnlast4 last4ssn sin \
        socialinsurancenumber nino nin nationalinsurancenumber nationalinsuranceno nationalinsurance ninumber nhsnumber \
        nhsno nhsid nhs chinumber hcnumber ppsn ppsnumber nationalid nationalidnumber nationalidentifier \
        nationalidentitynumber nationalidno nationalnumber idnumber identitynumber personalnumber personalid \
        personalidnumber personalcode citizenid citizennumber taxid taxnumber taxidnumber taxpayerid tin itin tfn \
        taxfilenumber utr uniquetaxreference steuernummer steuerid steueridnr steuernr steueridentifikationsnummer \
         sozialversicherungsnummer svnummer svnr svn rentenversicherungsnummer rvnr ahvnummer ahv avsnumero \
        personalausweisnummer insee numeroinsee nir numsecu numerosecuritesociale numsecuritesociale securitesociale \
        nosecu nss numerofiscal spi dni nie nif cif numerodni dninie documentoidentidad numerodocumento cedula \
        numerocedula rut run curp rfc cuit cuil dui codicefiscale codfiscale codfisc cf partitaiva piva bsn \
        burgerservicenummer sofinummer rijksregisternummer rrnr insz niss numeronational cpf numerocpf cnpj rg pis \
        pispasep cartaocidadao numerocc nus pesel nip regon nrpesel dowodosobisty nrdowodu personnummer personnr \
        pnr samordningsnummer organisationsnummer orgnr fodselsnummer fodselsnr fnr cpr cprnummer cprnumber cprnr \
        hetu henkilotunnus isikukood asmenskodas personaskods rodnecislo birthnumber cnp egn amka afm oib jmbg emso \
        aadhaar aadhaarnumber adhaar pannumber pancard nric nricno mynumber hkid rrn tckimlik tckn tckimlikno \
        kimlikno idno teacherreferencenumber trn inn snils teudatzehut voterid voternumber electoralnumber \
        immigrationnumber aliennumber studentnumber uniquepupilnumber uln uniquelearnernumber pupilnumber \
        payrollnumber employeenumber badgenumber",
    ),
    (
        NationalId,
        Weight::Likely,
        "vat vatid vatnumber vatno ustid ustidnr umsatzsteuerid tva numerotva iva btwnummer fiscalcode \
        fiscalid identificationnumber identification legalid employeeno staffnumber matriculationnumber matrikelnummer \
        matricule matricola membershipnumber membernumber customernumber kundennummer klantnummer numclient",
    ),
    (
        DocumentId,
        Weight::Sure,
        "passport passportnumber passportno passportnr passnummer reisepass reisepassnummer numpasseport \
        passeport pasaporte numeropasaporte passaporto numeropassaporto passaporte paspoort paspoortnummer paszport \
        nrpaszportu passnr drivinglicence drivinglicense driverslicense driverslicence driverlicense driverlicence \
        drivinglicencenumber driverslicensenumber driverlicensenumber licencenumber licensenumber licenseno licenceno \
        dlnumber fuhrerschein fuhrerscheinnummer permisconduire numpermis permiso carnetconducir patente \
        numeropatente cartadiconducao carteirahabilitacao cnh rijbewijs rijbewijsnummer prawojazdy korkort \
        licenseplate licenceplate numberplate platenumber plateno plate kennzeichen kfzkennzeichen immatriculation \
        matricula targa kenteken tablicarejestracyjna regnummer vehicleregistration registrationnumber registrationno \
        vin vehicleidentificationnumber fahrgestellnummer visanumber visano idcard idcardnumber idcardno identitycard \
        ausweisnummer ausweisnr ausweis cni numerocni cartaidentita dowod residencepermit permitnumber brpnumber brp \
        greencard travelreference certificatenumber crn convictionnumber documentnumber identitydocument",
    ),
    (
        CardNumber,
        Weight::Sure,
        "cardnumber creditcard creditcardnumber creditcardno cardno cardnum ccnumber ccno ccnum cardpan \
        pan debitcard debitcardnumber kartennummer kreditkarte kreditkartennummer kreditkartennr numerocarte \
        cartebancaire numerotarjeta tarjeta tarjetacredito numerocarta cartadicredito cartadecredito numerocartao \
        cartaocredito kaartnummer creditcardnummer numerkarty kortnummer cardlast4 cardlastfour last4 lastfour \
        last4digits lastfourdigits cclast4 giftcardnumber loyaltycardnumber paymentcard maskedcard maskedpan cardbin \
        cardfingerprint",
    ),
    (
        CardSecurity,
        Weight::Sure,
        "cvv cvc cvv2 cvc2 cvn securitycode cardsecuritycode cardverification cardexpiry cardexpiration \
        ccexpiry ccexp ccexpiration cardexp expmonth expyear expirymonth expiryyear expirationmonth expirationyear \
        cardvalidto cardexpirydate ccexpdate kartenablauf pinblock cardpin pincodehash",
    ),
    (
        Iban,
        Weight::Sure,
        "iban ibannumber ibannr ibancode ibanno kontoiban",
    ),
    (
        BankAccount,
        Weight::Sure,
        "bankaccount bankaccountnumber bankaccountno accountnumber accountno acctno acctnum accountnr \
        routingnumber abanumber sortcode bic bicswift swift swiftcode swiftbic bankcode kontonummer kontonr \
        bankverbindung blz bankleitzahl numerocompte nocompte comptebancaire rib numerocuenta cuentabancaria ccc clabe \
        cuenta numeroconto contocorrente contobancario contabancaria numeroconta agencia rekeningnummer rekening \
        numerkonta nrkonta konto clearingnummer bankkonto bankgiro plusgiro bsb paypalaccount walletaddress \
        bitcoinaddress btcaddress ethaddress cryptowallet sepamandate mandatereference",
    ),
    (
        BankAccount,
        Weight::Likely,
        "paypal venmo payoutaccount paymentaccount stripecustomerid stripecustomer wallet",
    ),
    (
        Money,
        Weight::Sure,
        "salary basesalary grosssalary netsalary monthlysalary annualsalary wage wages hourlywage income \
        annualincome householdincome gehalt lohn einkommen bruttogehalt salaire revenu remuneration sueldo salario \
        ingresos stipendio reddito ordenado renda salaris loon inkomen wynagrodzenie pensja dochod lon inkomst manadslon \
        bonus networth payrate hourlyrate compensation creditscore creditrating pension creditlimit taxpaid grosspay \
        netpay",
    ),
    (
        Money,
        Weight::Context,
        "balance accountbalance debt saldo solde credit overdraft commission payment",
    ),
    (
        PseudonymousId,
        Weight::Context,
        "sub uid guid uuid externalid ssoid oidcsub externaluid remoteid ldapid ldapdn \
        distinguishedname dn",
    ),
    (
        PseudonymousId,
        Weight::Likely,
        "googleid facebookid twitterid githubid appleid azureid oauthuid \
        openid oauthid visitorid clientuuid useruuid userguid userref personref anonymousid trackingid \
        telegramid slackid stripeid linkedinid microsoftid adobjectid azureadid",
    ),
];
