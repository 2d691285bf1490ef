//! Given and family names, cities.

use std::collections::HashSet;
use std::sync::LazyLock;

use fake::locales::{
    AR_SA, CY_GB, DE_DE, Data, EN, FA_IR, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, PT_PT, TR_TR, ZH_CN,
    ZH_TW,
};

use super::super::tokens::folded;

/// Words of the language that are names as well, but mostly are not.
const AMBIGUOUS: &str = "baby art angel general christ may june april august summer autumn will mark rose pearl ruby major price gold golden \
    bill chance early easter ivory ford frank guy hope joy justice king lane lucky marine page precious prince princess \
    queen royal sky star stone storm tiger treasure unique west young black white green brown grey gray long short \
    little rich cook baker farmer miller bell box bush case close cross field fields fish flower forest fox \
    garden gate glass grant hand hill house jewel lamb law light love moon mouse north paint parks park plant powers \
    rain reed rivers rock root rush sand shade ship silver snow song south spring square stark stream street sun swift \
    table test thorn town trace tree true turner wall ward water waters way wells wild winter wolf wood woods \
    delta gay dock bud buck buddy buster duke earl ace amber ebony crystal diamond emerald genesis harmony heaven \
    destiny liberty melody mercedes nova ocean paris sage sierra sydney trinity asia america china india israel \
    london florida georgia virginia carolina dallas austin houston jackson madison lincoln washington boston denver \
    active open done new male female none null yes no true false";

const GIVEN: &str = "james john robert michael william david richard joseph thomas charles mary patricia jennifer linda elizabeth barbara susan \
    jessica sarah karen lisa nancy betty margaret sandra ashley emily donna michelle carol amanda melissa deborah stephanie \
    rebecca laura sharon cynthia kathleen amy angela shirley anna brenda pamela emma nicole helen samantha katherine oliver \
    george harry jack noah leo arthur oscar henry archie olivia amelia isla ava ivy freya lily florence mia \
    peter hans klaus jurgen wolfgang stefan andreas michael thomas uwe dieter heinz werner gerhard helmut ursula monika petra \
    sabine renate gisela karin brigitte andrea claudia birgit heike susanne angelika jan tim lukas jonas finn leon paul \
    jean pierre michel andre philippe louis nicolas francois jacques alain marie jeanne francoise monique catherine nathalie \
    isabelle sylvie camille chloe lea manon julien antoine mathieu celine aurelie \
    antonio manuel jose francisco juan javier miguel angel carlos alejandro pablo sergio fernando luis jorge maria carmen \
    josefa isabel dolores pilar teresa ana lucia cristina marta elena raquel sofia paula \
    giuseppe giovanni mario luigi francesco antonio roberto marco alessandro andrea giulia chiara francesca sara martina \
    giorgia lorenzo matteo luca davide simone federico stefano paolo \
    joao pedro tiago rui goncalo ines beatriz mariana matilde leonor catarina rita margarida gabriel rafael lucas \
    johannes pieter cornelis hendrik willem daan sem bram sanne lotte fleur anouk femke maud thijs jeroen maarten joost \
    piotr krzysztof andrzej tomasz jan pawel michal marcin stanislaw jakub adam marek lukasz grzegorz mateusz wojciech \
    anna maria katarzyna malgorzata agnieszka barbara ewa magdalena elzbieta krystyna joanna aleksandra zofia hanna julia \
    monika beata dorota kamil bartosz rafal dariusz mariusz zbigniew jerzy tadeusz \
    erik lars karl anders johan per nils mikael jan hans lennart bengt bjorn gunnar sven magnus fredrik maria anna margareta \
    elisabeth eva kristina birgitta karin marie ingrid astrid linnea elsa alice maja ebba wilma saga alva \
    mohammed fatima ahmed aisha ali omar hassan ibrahim yusuf wei li ming yuki hiroshi kenji priya rahul amit anjali \
    ivan dmitri olga natasha svetlana sergei vladimir tatiana ondrej jiri vaclav petr";

const FAMILY: &str = "smith johnson williams jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson thomas taylor \
    moore martin lee perez thompson harris sanchez clark ramirez lewis robinson walker allen wright scott torres \
    nguyen flores adams nelson mitchell campbell roberts evans edwards hughes davies patel khan murphy kelly \
    muller schmidt schneider fischer weber meyer wagner becker schulz hoffmann schafer koch bauer richter klein schroder \
    neumann schwarz zimmermann braun kruger hofmann hartmann lange schmitt werner schmitz krause meier lehmann maier \
    bernard dubois robert petit durand leroy moreau simon laurent lefebvre michel bertrand roux vincent fournier morel \
    girard andre lefevre mercier dupont lambert bonnet francois fontaine rousseau blanc guerin boyer \
    fernandez gomez diaz moreno munoz alvarez romero alonso gutierrez navarro dominguez vazquez ramos gil serrano molina \
    rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti mancini costa giordano rizzo \
    lombardi moretti barbieri fontana santoro mariani rinaldi \
    silva santos ferreira pereira oliveira rodrigues martins sousa fernandes goncalves gomes lopes marques alves almeida \
    ribeiro pinto carvalho teixeira moreira correia mendes nunes soares vieira monteiro cardoso souza lima araujo barbosa \
    jong jansen vries berg bakker dijk visser smit meijer boer mulder groot bos vos peters hendriks leeuwen dekker brouwer \
    wit dijkstra smits graaf meer kok jacobs vermeulen \
    nowak kowalski kowalska wisniewski wisniewska wojcik kowalczyk kaminski kaminska lewandowski lewandowska zielinski zielinska \
    szymanski szymanska wozniak dabrowski dabrowska kozlowski kozlowska jankowski jankowska mazur wojciechowski kwiatkowski \
    krawczyk kaczmarek piotrowski grabowski zajac pawlowski michalski krol wieczorek jablonski wrobel nowakowski majewski \
    andersson johansson karlsson nilsson eriksson larsson olsson persson svensson gustafsson pettersson jonsson jansson hansson \
    bengtsson jonsson lindberg jakobsson magnusson olofsson lindstrom lindqvist lindgren axelsson berg bergstrom lundberg \
    hansen johansen olsen larsen pedersen nilsen kristiansen jensen nielsen christensen \
    korhonen virtanen ivanov petrov smirnov novak svoboda dvorak horvat yilmaz kaya demir tanaka suzuki sato wang zhang chen kim park singh kumar sharma";

/// Big cities, and the capitals of states.
pub(super) static CITIES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    "london|birmingham|manchester|liverpool|leeds|sheffield|bristol|glasgow|edinburgh|cardiff|belfast|nottingham|leicester|newcastle|brighton|plymouth|reading|oxford|cambridge|york|bath|\
     dublin|cork|galway|limerick|berlin|hamburg|munchen|munich|koln|cologne|frankfurt|frankfurt am main|stuttgart|dusseldorf|dortmund|essen|leipzig|bremen|dresden|hannover|nurnberg|duisburg|bochum|wuppertal|bielefeld|bonn|munster|karlsruhe|mannheim|augsburg|wiesbaden|kiel|rostock|mainz|freiburg|erfurt|potsdam|\
     wien|vienna|graz|linz|salzburg|innsbruck|zurich|geneva|geneve|basel|bern|lausanne|luzern|paris|marseille|lyon|toulouse|nice|nantes|strasbourg|montpellier|bordeaux|lille|rennes|reims|le havre|toulon|grenoble|dijon|angers|nimes|\
     madrid|barcelona|valencia|sevilla|zaragoza|malaga|murcia|palma|bilbao|alicante|cordoba|valladolid|vigo|gijon|granada|\
     roma|rome|milano|milan|napoli|naples|torino|turin|palermo|genova|bologna|firenze|florence|bari|catania|venezia|venice|verona|messina|padova|trieste|\
     lisboa|lisbon|porto|braga|coimbra|faro|setubal|aveiro|amsterdam|rotterdam|den haag|utrecht|eindhoven|groningen|tilburg|almere|breda|nijmegen|haarlem|arnhem|maastricht|leiden|delft|\
     bruxelles|brussels|brussel|antwerpen|gent|brugge|liege|namur|leuven|luxembourg|warszawa|warsaw|krakow|lodz|wroclaw|poznan|gdansk|szczecin|bydgoszcz|lublin|bialystok|katowice|gdynia|torun|rzeszow|\
     stockholm|goteborg|malmo|uppsala|vasteras|orebro|linkoping|helsingborg|jonkoping|norrkoping|lund|umea|gavle|kobenhavn|copenhagen|aarhus|odense|aalborg|oslo|bergen|trondheim|stavanger|helsinki|espoo|tampere|turku|oulu|\
     praha|prague|brno|ostrava|bratislava|kosice|budapest|debrecen|bucuresti|bucharest|cluj-napoca|sofia|plovdiv|varna|athens|thessaloniki|zagreb|split|ljubljana|beograd|belgrade|sarajevo|skopje|tirana|kyiv|kiev|lviv|odesa|minsk|vilnius|riga|tallinn|moscow|saint petersburg|istanbul|ankara|izmir|\
     new york|los angeles|chicago|houston|phoenix|philadelphia|san antonio|san diego|dallas|san jose|austin|jacksonville|fort worth|columbus|charlotte|san francisco|indianapolis|seattle|denver|washington|boston|el paso|nashville|detroit|oklahoma city|portland|las vegas|memphis|louisville|baltimore|milwaukee|albuquerque|tucson|fresno|sacramento|kansas city|atlanta|miami|oakland|minneapolis|cleveland|tampa|new orleans|honolulu|pittsburgh|cincinnati|orlando|buffalo|\
     toronto|montreal|vancouver|calgary|edmonton|ottawa|winnipeg|quebec|hamilton|halifax|mexico city|ciudad de mexico|guadalajara|monterrey|puebla|tijuana|sao paulo|rio de janeiro|brasilia|salvador|fortaleza|belo horizonte|manaus|curitiba|recife|porto alegre|buenos aires|rosario|santiago|lima|bogota|medellin|cali|caracas|quito|guayaquil|la paz|montevideo|asuncion|\
     tokyo|osaka|kyoto|yokohama|nagoya|sapporo|seoul|busan|beijing|shanghai|guangzhou|shenzhen|chengdu|wuhan|hong kong|taipei|singapore|bangkok|jakarta|manila|kuala lumpur|hanoi|mumbai|delhi|new delhi|bangalore|chennai|kolkata|hyderabad|pune|karachi|lahore|dhaka|sydney|melbourne|brisbane|perth|adelaide|auckland|wellington|christchurch|\
     cairo|lagos|nairobi|johannesburg|cape town|durban|casablanca|tunis|algiers|accra|addis ababa|tel aviv|jerusalem|dubai|abu dhabi|riyadh|doha|beirut|amman|baghdad|tehran|ulm|turku|albany|springfield|riverside|boise|eugene|kirkland|lander|walla walla"
        .split('|')
        .collect()
});

fn ambiguous(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&'static str>> =
        LazyLock::new(|| AMBIGUOUS.split_whitespace().collect());
    WORDS.contains(word)
}

fn locales(pick: [&'static [&'static str]; 15], own: &'static str) -> HashSet<String> {
    pick.iter()
        .flat_map(|names| names.iter())
        .map(|name| folded(name))
        .chain(own.split_whitespace().map(str::to_owned))
        .filter(|name| name.chars().count() >= if name.is_ascii() { 3 } else { 1 })
        .collect()
}

static GIVEN_NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    locales(
        [
            EN::NAME_FIRST_NAME,
            DE_DE::NAME_FIRST_NAME,
            FR_FR::NAME_FIRST_NAME,
            IT_IT::NAME_FIRST_NAME,
            NL_NL::NAME_FIRST_NAME,
            PT_BR::NAME_FIRST_NAME,
            PT_PT::NAME_FIRST_NAME,
            TR_TR::NAME_FIRST_NAME,
            CY_GB::NAME_FIRST_NAME,
            AR_SA::NAME_FIRST_NAME,
            FA_IR::NAME_FIRST_NAME,
            JA_JP::NAME_FIRST_NAME,
            ZH_CN::NAME_FIRST_NAME,
            ZH_TW::NAME_FIRST_NAME,
            &[],
        ],
        GIVEN,
    )
});

static FAMILY_NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    locales(
        [
            EN::NAME_LAST_NAME,
            DE_DE::NAME_LAST_NAME,
            FR_FR::NAME_LAST_NAME,
            IT_IT::NAME_LAST_NAME,
            NL_NL::NAME_LAST_NAME,
            PT_BR::NAME_LAST_NAME,
            PT_PT::NAME_LAST_NAME,
            TR_TR::NAME_LAST_NAME,
            CY_GB::NAME_LAST_NAME,
            AR_SA::NAME_LAST_NAME,
            FA_IR::NAME_LAST_NAME,
            JA_JP::NAME_LAST_NAME,
            ZH_CN::NAME_LAST_NAME,
            ZH_TW::NAME_LAST_NAME,
            &[],
        ],
        FAMILY,
    )
});

/// Whether a folded word is a given name of one of the locales of the crate `fake`, or one of the
/// usual ones of other countries.
pub(super) fn given(word: &str) -> bool {
    GIVEN_NAMES.contains(word) && !ambiguous(word)
}

/// Whether a folded word is a family name.
pub(super) fn family(word: &str) -> bool {
    FAMILY_NAMES.contains(word) && !ambiguous(word)
}

fn endings(lists: &[&'static [&'static str]], own: &str) -> HashSet<String> {
    lists
        .iter()
        .flat_map(|list| list.iter())
        .map(|word| folded(word.trim()))
        .chain(own.split_whitespace().map(str::to_owned))
        .filter(|word| word.chars().count() >= 3 && word.chars().all(char::is_alphabetic))
        .collect()
}

/// Whether a folded word is one that streets are called by in one of the locales.
pub(super) fn street_word(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
        endings(
            &[
                EN::ADDRESS_STREET_SUFFIX,
                FR_FR::ADDRESS_STREET_SUFFIX,
                IT_IT::ADDRESS_STREET_SUFFIX,
                PT_BR::ADDRESS_STREET_SUFFIX,
                DE_DE::ADDRESS_STREET_SUFFIX,
                NL_NL::ADDRESS_STREET_SUFFIX,
            ],
            "",
        )
    });
    WORDS.contains(word)
}

/// Whether a folded word ends as towns of one of the locales do, and more stands before.
pub(super) fn ends_like_a_town(word: &str) -> bool {
    static ENDINGS: LazyLock<HashSet<String>> = LazyLock::new(|| {
        endings(
            &[
                EN::ADDRESS_CITY_SUFFIX,
                DE_DE::ADDRESS_CITY_SUFFIX,
                NL_NL::ADDRESS_CITY_SUFFIX,
            ],
            "stadt hausen kirchen ingen hofen bruck rode bach furt heim dorf hagen weiler wijk dam drecht hoven kerk \
             dijk broek zijl sund koping borg stad holm vik grad abad pur polis",
        )
    });
    (3..word.len().saturating_sub(3))
        .any(|at| word.is_char_boundary(at) && ENDINGS.contains(&word[at..]))
}
