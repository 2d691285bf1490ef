//! E-mail, telephone, addresses, places.

use super::lookup::{Entry, Weight};
use crate::masking::Class::{Address, City, Email, Location, Phone, PostalCode};

pub(super) const ENTRIES: &[Entry] = &[
    (
        Email,
        Weight::Sure,
        "email mail emailaddress mailaddress emailaddr mailaddr emailadr emailid mailto emailadresse \
        mailadresse emailadress epost epostadress epostadresse courriel adressemail adresseemail adresseelectronique \
        correo correoelectronico direccioncorreo dircorreo postaelettronica indirizzoemail indirizzomail \
        enderecoemail emailadres mailadres adresemail adrespocztowy poczta pocztaelektroniczna useremail contactemail \
        emailcanonical canonicalemail replyto returnpath mailfrom rcptto unconfirmedemail recoveryemail paypalemail \
        eml emailto emailfrom emailcc emailbcc sahkoposti pec emailhash gravataremail",
    ),
    (
        Email,
        Weight::Likely,
        "cc bcc recipient recipients sender senderaddress recipientaddress fromaddress toaddress ccaddress \
        bccaddress addressee subscriberaddress envelopefrom envelopeto mailbox",
    ),
    (
        Phone,
        Weight::Sure,
        "phone telephone phonenumber telephonenumber phoneno phonenr tel telno telnr telnum mobile \
        mobilephone mobilenumber mobileno mobilenr cell cellphone cellnumber cellular landline fax faxnumber faxno \
        telefax homephone workphone officephone dayphone eveningphone daytimephone contactnumber contactphone sms \
        smsnumber msisdn whatsappnumber callerid callernumber calledparty callingparty telefon telefonnummer \
        telefonnr rufnummer handy handynummer handynr mobiltelefon mobilnummer mobil festnetz portable \
        numerotelephone numtel telfixe telportable telmobile telecopie telefono numerotelefono numtelefono movil \
        celular tfno telf telef cellulare numerocellulare recapito telemovel telefone numerotelefone fone \
        telefoonnummer telefoon telefoonnr gsm mobieltje mobielnummer mobiel numertelefonu nrtelefonu komorka \
        komorkowy telkom mobilnr telefonnum puhelin puhelinnumero primaryphone secondaryphone altphone phonehome \
        phonework phonemobile extension phoneextension pagernumber pager",
    ),
    (
        Address,
        Weight::Sure,
        "streetaddress shipto billto addressline addrline addressline1 addressline2 addressline3 street streetname \
        streetnumber streetno housenumber houseno housename postaladdress homeaddress workaddress shippingaddress \
        billingaddress deliveryaddress mailingaddress residentialaddress permanentaddress currentaddress fulladdress \
        shipaddress billaddress strasse str strassenname hausnummer hausnr anschrift wohnort wohnadresse \
        lieferadresse rechnungsadresse postanschrift adresse adressezusatz adresszusatz adresszeile rue numrue \
        nomrue voie libellevoie adressepostale complementadresse adresseligne direccion domicilio calle numerocalle \
        nombrecalle indirizzo via numerocivico civico residenza endereco rua logradouro numerocasa morada \
        complemento bairro adres straat straatnaam huisnummer huisnr woonadres ulica nrdomu nrmieszkania \
        adreszamieszkania gata gatuadress gatunamn adress postadress gateadresse katuosoite osoite pobox postbox \
        postfach apartasuite apartment aptnumber aptno flatnumber flatno unitnumber suite buildingnumber \
        placeofresidence residence usualaddress previousaddress forwardingaddress returnaddress lieferanschrift \
        rechnungsanschrift toevoeging addresstext formattedaddress uprn",
    ),
    (
        Address,
        Weight::Likely,
        "address addr adr address1 address2 address3 addr1 addr2 addr3 street1 street2 thoroughfare \
        dependentlocality premise subpremise",
    ),
    (
        City,
        Weight::Likely,
        "city town cityname locality placeofbirth birthplace birthcity cityofbirth countryofbirth \
        birthcountry geburtsort geburtsland lieunaissance lieudenaissance villenaissance paysnaissance lugarnacimiento \
        luogonascita luogodinascita comunenascita naturalidade geboorteplaats miejsceurodzenia fodelseort hometown \
        placename suburb stadt ort ortsteil ortschaft wohnsitz ville commune ciudad poblacion localidad municipio \
        comune citta localita cidade localidade municipality woonplaats plaats plaatsnaam stad miasto miejscowosc \
        postort poststed kommun kaupunki shipcity billcity shippingcity billingcity neighborhood neighbourhood parish \
        village posttown",
    ),
    (
        City,
        Weight::Context,
        "county province state region district bundesland departement provincia woiwodschaft",
    ),
    (
        PostalCode,
        Weight::Sure,
        "postalcode postcode zip zipcode zipcd postleitzahl plz codepostal cp codigopostal cpostal \
        codicepostale cap cep postcodes postnummer postnr kodpocztowy pocztowy postinumero pincode \
        shippostalcode billpostalcode zip4 zippostal eircode postalarea",
    ),
    (
        Location,
        Weight::Likely,
        "latitude longitude lat lng lon latlng latlong latlon coordinates coordinate coords geo \
        geolocation geopoint geom geocode gps gpscoordinates gpsposition breitengrad laengengrad langengrad latitud \
        longitud latitudine longitudine breedtegraad lengtegraad szerokosc dlugosc koordinaten coordonnees coordenadas \
        lastlocation currentlocation homelocation userlocation whereabouts what3words geohash location lastposition",
    ),
];
