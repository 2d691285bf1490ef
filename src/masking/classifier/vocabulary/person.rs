//! Names of persons, birth, gender.

use super::lookup::{Entry, Weight};
use crate::masking::Class::{
    Age, BirthDate, Company, FirstName, Gender, LastName, PersonName, PersonalDate, UserName,
};

pub(super) const ENTRIES: &[Entry] = &[
    (
        FirstName,
        Weight::Sure,
        "firstname forename givenname givennames fname vorname prenom nombrepila primernombre \
        segundonombre primeironome voornaam imie fornamn fornavn etunimi jmeno middlename middlenames secondname \
        middleinitial zweitername roepnaam tilltalsnamn nomedibattesimo preferredfirstname callname rufname otherforename \
        firstnames drugieimie initials voornamen",
    ),
    (FirstName, Weight::Context, "first given mname minit"),
    (
        LastName,
        Weight::Sure,
        "lastname surname familyname lname nachname familienname zuname nomdefamille nomfamille apellido \
        apellidos primerapellido segundoapellido apellidopaterno apellidomaterno cognome sobrenome apelido ultimonome \
        achternaam familienaam nazwisko efternamn slaktnamn etternavn sukunimi prijmeni maidenname birthname geburtsname \
        mothersmaidenname mothermaidenname nomdenaissance nomjeunefille meisjesnaam rodowe nazwiskorodowe tussenvoegsel \
        namnefter alternativefamilyname previousname previousnames formername othername othernames",
    ),
    (LastName, Weight::Context, "last surn"),
    (
        PersonName,
        Weight::Sure,
        "fullname vcard commentauthor personname realname legalfullname preferredname knownas alsoknownas nomcomplet \
        nombrecompleto nomecompleto nomecognome nombreapellidos nombreyapellidos prenomnom nomprenom vollername \
        vollstandigername imienazwisko imieinazwisko volledigenaam fullstandigtnamn cardholder cardholdername nameoncard \
        accountholder accountholdername kontoinhaber karteninhaber titulaire titular intestatario nextofkin kinname \
        emergencycontact emergencycontactname signatory signatoryname attention attn contactperson ansprechpartner \
        interlocutor salesrep representative beneficiary beneficiaryname payeename payername guardianname fathername \
        mothername spousename parentname gecos commonname aliasname recipientname sendername authorname ownername",
    ),
    (
        PersonName,
        Weight::Likely,
        "contactname customername clientname employeename staffname studentname patientname \
        membername guestname passengername drivername teachername doctorname managername buyername sellername holdername \
        kundenname mitarbeitername nomclient nombrecliente nomecliente naamklant author owner assignee \
        shipname billname shippingname billingname deliveryname invoicename doctor physician nurse surgeon signedby \
        signee witness referee performedby reportedby requester requestername submitter submittername applicantname \
        candidatename tenantname landlord landlordname attendee attendeename",
    ),
    (
        PersonName,
        Weight::Context,
        "name nom nombre nome naam namn navn nazwa person contact nimi cn",
    ),
    (
        UserName,
        Weight::Sure,
        "username userlogin loginname login nickname nick screenname benutzername nutzername \
        anmeldename nomutilisateur nomdutilisateur pseudo pseudonyme nombreusuario nombredeusuario nomeutente nomeusuario \
        nomedeusuario gebruikersnaam nazwauzytkownika anvandarnamn brukernavn samaccountname userprincipalname upn \
        displayname displayedname dispname useralias twitterhandle githubusername icq skype skypeid telegram slackhandle \
        discordtag jabber jid xmpp matrixid mxid usernamelower namelower loginid userhandle accountname whatsapp",
    ),
    (
        UserName,
        Weight::Likely,
        "createdby updatedby modifiedby changedby deletedby approvedby uploadedby lastmodifiedby \
        lastupdatedby enteredby postedby sentby editedby lockedby postername lastposter handle",
    ),
    (
        UserName,
        Weight::Context,
        "alias user displayedas slug pseud",
    ),
    (
        BirthDate,
        Weight::Sure,
        "dateofbirth birthdate birthday dob birthdt bday birth birthyear yearofbirth birthmonth \
        birthdaydate borndate bornon geburtsdatum gebdatum gebdat geburtstag geburtsjahr datenaissance datedenaissance \
        ddn anneenaissance naissance fechanacimiento fechadenacimiento fechanac nacimiento datanascita datadinascita \
        annonascita datanascimento datadenascimento nascimento dtnascimento geboortedatum geboortejaar datumgeboorte \
        dataurodzenia rokurodzenia urodzenia fodelsedatum fodelsedag fodselsdato fodelsear syntymaaika datumnarozeni \
        birthdayon dateborn",
    ),
    (
        Age,
        Weight::Likely,
        "age agegroup ageyears patientage alter alterjahre edad eta idade leeftijd wiek alder",
    ),
    (
        PersonalDate,
        Weight::Likely,
        "dateofdeath deathdate deceasedon deceaseddate dod todesdatum datedeces fechadefuncion \
        datamorte weddingdate marriagedate anniversary hiredate hireddate dateofhire datehired employmentdate \
        einstellungsdatum dateembauche fechacontratacion dataassunzione terminationdate admissiondate dischargedate \
        namensdag nameday",
    ),
    (
        Gender,
        Weight::Sure,
        "gender sex geschlecht genre sexe sexo genero sesso geslacht plec kon kjonn salutation anrede \
        civilite titleofcourtesy tratamiento aanhef pronouns pronoun genderidentity sexatbirth trattamento \
        honorific honorificprefix",
    ),
    (
        Company,
        Weight::Context,
        "company companyname organisationname organizationname organization organisation employer \
        employername firma firmenname unternehmen arbeitgeber entreprise societe raisonsociale employeur empresa \
        razonsocial empleador azienda ragionesociale datoredilavoro empregador bedrijf bedrijfsnaam werkgever \
        nazwafirmy pracodawca foretag foretagsnamn arbetsgivare organizationunit businessname",
    ),
];
