//! Networks, devices, secrets.

use super::lookup::{Entry, Weight};
use crate::masking::Class::{DeviceId, IpAddress, Password, Secret, Url, UserAgent};

pub(super) const ENTRIES: &[Entry] = &[
    (
        IpAddress,
        Weight::Sure,
        "ip ipaddress ipaddr ipv4 ipv6 ipnumber iphash remoteip remoteaddr remoteaddress clientip \
        clientaddr clientaddress userip sourceip srcip originip senderip peerip hostip loginip lastloginip signinip \
        currentsigninip lastsigninip signupip registrationip registerip createdip creatorip lastip posterip authorip \
        xforwardedfor forwardedfor ipadresse adresseip direccionip indirizzoip enderecoip ipadres adresip \
        ipadress remotehost actorip lastseenip requestip",
    ),
    (
        DeviceId,
        Weight::Sure,
        "mac macaddress macaddr hwaddr hwaddress hardwareaddress deviceid deviceuuid deviceidentifier \
        devicetoken devicefingerprint devicename deviceserial imei imsi iccid meid udid idfa idfv gaid aaid \
        advertisingid adid androidid iosid pushtoken fcmtoken apnstoken gcmid registrationid \
        browserfingerprint machineid installationid installid simnumber clientfingerprint fbclid gclid \
        cookieid duid",
    ),
    (
        UserAgent,
        Weight::Sure,
        "useragent commentagent httpuseragent browseragent browser browserversion clientagent ua uastring useragentstring",
    ),
    (
        Url,
        Weight::Likely,
        "homepage websiteurl personalwebsite linkedin linkedinurl twitter twitterurl facebook facebookurl \
        instagram youtube github githuburl xing mastodon profileurl socialurl blogurl refererurl referer referrer \
        httpreferer httpreferrer landingpage returnurl bloglink portfolio portfoliourl tiktok",
    ),
    (
        Url,
        Weight::Context,
        "website url web webpage site link weburl blog",
    ),
    (
        Password,
        Weight::Sure,
        "password passwd pwd passwort kennwort passwordhash passwordhashed passwordenc passwordencrypted \
        encryptedpassword hashedpassword passworddigest passwordsalt passphrase motdepasse mdp contrasena \
        contrasenia senha wachtwoord haslo losenord passord salasana userpass userpassword passhash pwhash \
        pwdhash pswd passw oldpassword passwordhistory cryptedpassword pass passcode pinhash \
        userpasswordhash passwordsha1 passwordmd5 salt unixpassword ntpassword lmpassword authstring",
    ),
    (
        Secret,
        Weight::Sure,
        "secret secrets token tokens apikey apitoken apisecret accesstoken refreshtoken authtoken idtoken \
        sessiontoken sessionid sessionkey sessionhash sid phpsessid csrftoken xsrftoken bearertoken jwt \
        clientsecret consumersecret consumerkey privatekey secretkey secrethash signingkey encryptionkey sharedsecret \
        authkey authsecret authcode authorizationcode otp otpsecret totp totpsecret totpseed hotp mfasecret \
        twofactorsecret twofactorkey twofactorrecoverycodes tfasecret backupcodes backupcode recoverycodes \
        recoverycode otpbackupcodes recoverykey recoverytoken resetpasswordtoken passwordresettoken resettoken \
        resetcode resetkey passwordresetkey confirmationtoken activationtoken activationkey activationcode \
        confirmationcode invitationtoken invitetoken invitecode verificationtoken verificationcode verifycode \
        unlocktoken remembertoken remembercreatedtoken rememberkey persistencetoken singleaccesstoken perishabletoken \
        tokenhash tokendigest tokenvalue secretvalue credential credentials secretdata credentialdata privkey sshkey \
        sshprivatekey publickeyssh webhooksecret cookie cookies authcookie nonce securityanswer secretanswer \
        securityquestion secretquestion magiclink magictoken onetimepassword smscode pincodesecret keymaterial \
        certificatekey tlskey rsskey feedkey icaltoken calendartoken oauthtoken oauthsecret oauthtokensecret \
        encryptedsecret encryptedkey connectionstring dsn sessiondata unsubscribetoken unsubscribekey loginkey logintoken accesskey \
        accesskeyid secretaccesskey keyhash apikeyhash jwtsecret privatetoken rsakey passwordtoken",
    ),
    (
        Secret,
        Weight::Context,
        "key code value data selector verifier hash digest session",
    ),
];
