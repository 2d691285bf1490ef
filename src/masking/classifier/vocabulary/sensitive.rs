//! Health, belief, biometrics, and what people write.

use super::lookup::{Entry, Weight};
use crate::masking::Class::{Biometric, FreeText, Health, Sensitive};

pub(super) const ENTRIES: &[Entry] = &[
    (
        Sensitive,
        Weight::Sure,
        "nationality nationalities citizenship ethnicity ethnic ethnicgroup ethnicorigin ethnicbackground \
        race religion religious faith denomination politicalparty politicalaffiliation politicalview \
        politicalopinion sexualorientation sexualpreference unionmembership tradeunion maritalstatus civilstatus \
        familystatus caste criminalrecord convictions conviction immigrationstatus refugeestatus veteranstatus \
        staatsangehoerigkeit staatsangehorigkeit staatsburgerschaft nationalitat konfession familienstand \
        ethnie herkunft nationalite citoyennete etatcivil situationfamiliale situationmatrimoniale origineethnique \
        nacionalidad ciudadania estadocivil religione nazionalita cittadinanza statocivile nacionalidade \
        nationaliteit burgerlijkestaat geloof narodowosc obywatelstwo stancywilny wyznanie nationalitet medborgarskap \
        civilstand religiontrossamfund mothertongue nativelanguage firstlanguage spokenlanguage freeschoolmeals fsm \
        specialneeds senstatus sentype",
    ),
    (
        Health,
        Weight::Sure,
        "diagnosis diagnoses diagnosiscode diagnostic icd icdcode icd9 icd10 snomed \
        medicalcondition medicalconditions medicalhistory medicalnotes medicalrecord medicalrecordnumber mrn medical \
        medication medications medicine prescription prescriptions allergy allergies bloodtype bloodgroup bloodpressure \
        disability disabilities healthcondition healthstatus healthinsurance healthinsurancenumber \
        insurancenumber insuranceid insurancepolicynumber policynumber symptom symptoms treatment treatments therapy \
        pregnancy pregnant smoker smokingstatus alcohol bmi hiv hivstatus vaccination vaccinations vaccine \
        immunization immunisation mentalhealth psychiatric surgery surgeries labresult testresult genome genotype dna \
        sicknote sickleave illness disease diet dietaryrequirements dietaryrestrictions diagnose krankheit \
        krankenkasse krankenversicherung krankenversicherungsnummer versichertennummer blutgruppe allergien \
        medikament medikamente behinderung diagnostico enfermedad alergias alergia gruposanguineo medicamento \
        discapacidad maladie groupesanguin traitement mutuelle malattia allergie grupposanguigno farmaco \
        doenca tiposanguineo deficiencia ziekte bloedgroep medicatie zorgverzekering choroba grupakrwi leki \
        sjukdom blodgrupp medicin cholesterol glucose heartrate weightkg heightcm bodyweight chiefcomplaint prognosis \
        handicap accessibilityneeds",
    ),
    (
        Health,
        Weight::Context,
        "weight height condition procedure complaint",
    ),
    (
        Biometric,
        Weight::Sure,
        "avatar photo photograph profilepicture profilephoto profileimage profilepic portrait headshot \
        userpic selfie signature signatureimage fingerprint faceid facedescriptor faceembedding faceencoding \
        voiceprint voicesample irisscan retina biometric biometrics biometricdata passfoto unterschrift fingerabdruck \
        lichtbild empreinte foto fotografia impronta assinatura handtekening zdjecie odcisk podpis namnteckning \
        picturepath photopath avatarurl photourl thumbnailphoto jpegphoto faceimage",
    ),
    (Biometric, Weight::Context, "picture image pic"),
    (
        FreeText,
        Weight::Sure,
        "note notes comment comments remark remarks freetext bio biography aboutme feedback usernote \
        internalnote internalnotes adminnote privatenote casenotes message messagetext messagebody transcript \
        chatmessage testimonial bemerkung bemerkungen anmerkung anmerkungen notiz notizen kommentar nachricht \
        commentaire commentaires remarque remarques observation observations nota notas comentario comentarios \
        observaciones observacao observacoes mensagem mensaje messaggio commento commenti osservazioni opmerking \
        opmerkingen notitie bericht uwagi notatka komentarz wiadomosc anteckning anteckningar meddelande \
        lebenslauf resume coverletter curriculumvitae selfdescription specialinstructions deliveryinstructions \
        statementtext personalstatement additionalinformation additionalinfo furtherdetails moreinformation \
        reasondetails chatlog emailbody mailbody smsbody mailsubject emailsubject rawemail rawmessage \
        deliverynotes customernote giftmessage dedication msg narrative inquiry enquiry otherdetails",
    ),
    (
        FreeText,
        Weight::Likely,
        "body postcontent posttext query searchquery searchterm searchterms searchtext searchstring about answer \
        reply statusmessage review reviewtext requestbody responsebody postdata \
        statustext signaturetext interests hobbies userinput rawinput questiontext transcription caption lastmessage \
        personaldata pii",
    ),
    (
        FreeText,
        Weight::Context,
        "raw cooked subject text content description details title detail explanation summary topic headline \
        excerpt filename originalfilename attachmentfilename filepath originalname purpose statement",
    ),
];
