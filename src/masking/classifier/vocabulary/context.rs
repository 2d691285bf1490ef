//! Words that tell what a table or a column is about, between blanks.

use crate::masking::Class;

/// Persons, in the singular.
pub(in crate::masking::classifier) const PERSONS: &str = "user usr customer cust client person people ppl member mbr employee emp member employee staff teacher student pupil patient contact \
    author subscriber candidate applicant participant guest passenger driver doctor gp physician nurse attendee profile player \
    citizen resident donor volunteer owner lead prospect buyer seller shopper consumer agent worker colleague manager \
    admin administrator operator moderator reviewer assessor verifier recipient sender visitor parent guardian child \
    kid mother father spouse family relative witness lawyer attorney judge suspect victim offender \
    landlord renter borrower lender cardholder holder payee payer beneficiary insured claimant policyholder voter \
    delegate speaker instructor trainer trainee learner alumni professor lecturer tutor actor performer \
    individual human identity login signup registrant enrollee invitee invitation referee signatory assignee \
    requester reporter submitter creator editor poster commenter follower friend kin emergency \
    freelancer contractor therapist midwife dentist caregiver carer inmate prisoner employe medewerker \
    principal rep salesperson crew personnel personal recruit hire household occupant appuser enduser webuser \
    kunde kunden nutzer benutzer mitarbeiter angestellter arbeitnehmer schuler schueler lehrer arzt personen \
    kontakt ansprechpartner teilnehmer mitglied mitglieder bewerber mieter fahrer empfanger absender besteller kaufer \
    utilisateur personne adherent employe salarie eleve etudiant enseignant medecin membre \
    abonne locataire proprietaire conducteur destinataire expediteur acheteur candidat usager individu \
    usuario cliente persona empleado trabajador alumno estudiante profesor paciente medico miembro socio contacto \
    abonado inquilino propietario conductor destinatario remitente comprador candidato \
    utente dipendente lavoratore alunno studente insegnante paziente membro contatto abbonato inquilino \
    proprietario autista mittente acquirente persone dipendenti utenti clienti pazienti soci studenti \
    pessoa funcionario trabalhador aluno estudante aluna contato associado titular pessoas \
    klant gebruiker persoon werknemer leerling leraar docent patienten lid leden deelnemer huurder eigenaar \
    klient uzytkownik osoba pracownik uczen nauczyciel pacjent lekarz czlonek abonent najemca wlasciciel kierowca \
    uzytkownicy klienci osoby pracownicy pacjenci uczniowie kontrahent \
    kund anvandare anstalld elev larare medlem kunder personer lakare \
    bruker ansatt kayttaja asiakas henkilo zakaznik uzivatel osoba zamestnanec";

/// Persons in languages whose heads come first.
pub(in crate::masking::classifier) const HEADS_FIRST: &str = "utilisateur personne adherent employe salarie eleve etudiant \
    usuario cliente clienti persona empleado trabajador alumno estudiante paciente utente utenti dipendente dipendenti \
    paziente pazienti pessoa pessoas funcionario aluno klienci pracownicy pacjenci uczniowie osoby";

/// Organisations and places, in the singular: their data is not that of persons.
pub(in crate::masking::classifier) const ORGANISATIONS: &str = "school company organisation organization authority institution provider branch store warehouse \
    office venue hotel restaurant shop hospital clinic bank department agency facility university college airport station \
    region country city town village county state province district territory location place site building room campus \
    firm business employer vendor supplier shipper carrier manufacturer publisher brand label studio theater \
    theatre museum church club team league federation association charity council municipality government ministry \
    firma filiale schule standort lager abteilung entreprise societe ecole magasin fournisseur etablissement agence \
    empresa tienda escuela proveedor sucursal azienda negozio scuola fornitore sede loja escola fornecedor bedrijf \
    winkel leverancier filiaal szkola sklep dostawca oddzial foretag butik skola leverantor provincia comune land laender \
    pays pais paese kraj airline merchant dealer distributor nursery library pharmacy practice trust academy \
    establishment centre center stop depot plant";

/// Things, in the singular: what is called by a name there is no person.
pub(in crate::masking::classifier) const THINGS: &str = "product item category tag role permission group type status setting config configuration feature flag \
    course subject lesson class grade film movie book album track song genre playlist media language currency plan \
    package version migration schema job queue task project board column label template theme plugin module widget page \
    menu route endpoint server host database table index asset material part component model make \
    vehicle car ship aircraft flight trip tour price tax rate discount coupon promotion campaign \
    channel unit measure color size material sku inventory stock shelf bin policy rule workflow step stage \
    phase reason cohort schedule milestone qualification skill competency certificate \
    test exam question quiz survey form field option choice attribute property metric report dashboard chart cohort \
    produkt kategorie artikel produit categorie producto categoria prodotto produto kategoria produkty artikkel";

/// Messages and other writing of persons, in the singular.
pub(in crate::masking::classifier) const MESSAGES: &str = "mail email message post comment ticket chat sms notification delivery letter correspondence conversation \
    thread reply feedback review complaint incident case enquiry inquiry note newsletter subscription \
    outbox inbox envelope attachment mailing memo support issue request discussion topic forum answer \
    nachricht nachrichten courriel mensaje messaggio mensagem bericht wiadomosc meddelande communication call \
    transcript journal diary consultation appointment encounter visit referral";

/// Files that people bring, in the singular.
pub(in crate::masking::classifier) const UPLOADS: &str =
    "upload attachment document file image photo blob avatar picture scan recording video";

/// Searches that people make, in the singular.
pub(in crate::masking::classifier) const SEARCHES: &str =
    "search query searche lookup suche recherche busqueda ricerca";

/// What is secret as a whole, in the singular.
pub(in crate::masking::classifier) const SECRETS: &str = "token credential secret password apikey session key otp authtoken accesstoken refreshtoken cookie \
    authenticator passkey totp recovery";

/// Tables that are lists of one class, in the singular.
pub(in crate::masking::classifier) const LISTS: &[(&str, Class)] = &[
    ("email", Class::Email),
    ("mail", Class::Email),
    ("phone", Class::Phone),
    ("telephone", Class::Phone),
    ("telefon", Class::Phone),
    ("telefono", Class::Phone),
    ("name", Class::PersonName),
    ("alias", Class::UserName),
    ("address", Class::Address),
    ("adresse", Class::Address),
    ("direccion", Class::Address),
    ("ip", Class::IpAddress),
];

/// Words at the end of a table's name that say nothing.
pub(in crate::masking::classifier) const TABLE_NOISE: &str = "entity detail info data record table tbl master history archive backup old new list view log event \
    audit snapshot tmp temp copy base main account import export staging stg raw dim fact version details infos \
    stammdaten daten registry register row entry";

/// Words after a phrase that make the column tell about the thing, not be it.
pub(in crate::masking::classifier) const NEUTRAL_TAILS: &str = "id ids approved count counts type types status statuses state at on flag enabled disabled verified confirmed \
    method methods template templates domain domains category format length size limit provider providers version \
     class kind level rank order position sort score rating index idx key keys enum options option setting \
    settings preference preferences notification notifications consent optin optout opt verification verifiable valid \
    validity required requirement requirements visible visibility public hidden expires expired \
     ttl date datetime time timestamp since until sent received delivered bounced opened clicked \
    attempts attempt tries frequency interval days hours minutes range max min avg sum total num percent \
    ratio pattern regex policy policies rule rules group groups role roles permission permissions \
    currency language locale timezone tz color font source channel mode result action \
    precision accuracy radius distance unit units algorithm alg iterations iteration cost rounds scope scopes schema \
    typ art anzahl statut estado tipo stato soort rodzaj stan available availability \
    updated created changed deleted checked matched match matches parent parents job jobs queue server port ssl tls host \
    path width quality field fields label labels column columns header footer layout style usage used \
    uses tracking bounce reminder reminders supported allowed blocked checks check \
    interface window placeholder hint";

/// Words before a phrase that make the column tell about the thing.
pub(in crate::masking::classifier) const NEUTRAL_HEADS: &str = "is has can num nb count total max min send show allow enable use require requires required should must may \
    type tipo typ art anzahl avg sum hide disable skip accept accepts \
    notify subscribe needs wants with without did does was were default enabled disabled allowed";

/// Words after a phrase that change nothing.
pub(in crate::masking::classifier) const HARMLESS_TAILS: &str = "primary secondary home work office private business hash hashed digest encrypted enc crypt confirmation \
    raw text plain old new previous prev current normalized normalised canonical lower lowercase upper value en de fr es \
    local international full short line str string snapshot copy original backup ciphertext iv bidx one two \
    three a b c personal alt alternate alternative other main mobile shipping billing delivery legal display formatted \
    latin native kana furigana prefix suffix extra ext nr no num number privat dienst geschaeft ancien nuevo without \
    spaces salt clear unmasked masked last first second address addr name data txt blob image file url html json \
    bytes list array 1 2";

/// Tables that are persons unless the word before says otherwise.
pub(in crate::masking::classifier) const PROFILES: &str = "profile account";

/// Tables about health, in the singular.
pub(in crate::masking::classifier) const MEDICAL: &str = "patient medical health clinical encounter hospital clinic \
    paciente patienten pacjent diagnosis treatment prescription";

/// Every list that [`super::is_in`] knows.
pub(super) const ALL: &[&str] = &[
    PERSONS,
    ORGANISATIONS,
    THINGS,
    MESSAGES,
    UPLOADS,
    SEARCHES,
    SECRETS,
    TABLE_NOISE,
    NEUTRAL_TAILS,
    NEUTRAL_HEADS,
    HARMLESS_TAILS,
    PROFILES,
    MEDICAL,
    HEADS_FIRST,
];
