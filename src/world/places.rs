//! Real places whose city, postal code, region and country agree. Collected by hand: large cities
//! with a postal code of their centre; regions and their codes are those of ISO 3166-2.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Part of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlacePart {
    /// The city.
    City,
    /// A postal code of the city.
    PostalCode,
    /// The state, province or other region (ISO 3166-2).
    Region,
    /// Its code, without that of the country.
    RegionCode,
    /// The name of the country, in its own language.
    Country,
    /// ISO 3166-1 alpha-2.
    CountryCode,
}

/// A country with its places: city, postal code, region, code of the region.
#[derive(Debug)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: &'static str,
    /// In its own language.
    pub name: &'static str,
    /// City, postal code, region, code of the region.
    pub places: &'static [[&'static str; 4]],
}

/// The country of a code of ISO 3166-1 alpha-2.
#[must_use]
pub fn country(code: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.code == code)
}

impl Country {
    /// What stands for a part of its place of that number, below the number of its places.
    #[must_use]
    pub fn part(&self, number: usize, part: PlacePart) -> &'static str {
        let [city, postal_code, region, code] = self.places[number % self.places.len()];
        match part {
            PlacePart::City => city,
            PlacePart::PostalCode => postal_code,
            PlacePart::Region => region,
            PlacePart::RegionCode => code,
            PlacePart::Country => self.name,
            PlacePart::CountryCode => self.code,
        }
    }
}

/// The places of some countries, numbered.
#[derive(Debug, Clone)]
pub struct Places {
    countries: Vec<&'static Country>,
}

impl Places {
    /// Of the countries with these codes, of all when there are none; `None` when one is not known.
    #[must_use]
    pub fn of(codes: Option<&[&str]>) -> Option<Self> {
        let countries = match codes {
            None => COUNTRIES.iter().collect(),
            Some(codes) => codes
                .iter()
                .map(|code| country(code))
                .collect::<Option<_>>()?,
        };
        Some(Self { countries })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        let counts = self.countries.iter().map(|country| country.places.len());
        counts.sum::<usize>() as u64
    }

    /// Part of the place of a number below [`Places::count`].
    #[must_use]
    pub fn part(&self, number: u64, part: PlacePart) -> &'static str {
        let mut rest = number as usize;
        for country in &self.countries {
            if rest < country.places.len() {
                return country.part(rest, part);
            }
            rest -= country.places.len();
        }
        ""
    }

    /// That part of every place.
    pub fn all(&self, part: PlacePart) -> impl Iterator<Item = &'static str> {
        (0..self.count()).map(move |number| self.part(number, part))
    }
}

/// Every country.
#[rustfmt::skip]
pub const COUNTRIES: &[Country] = &[
    Country { code: "US", name: "United States", places: &[
        ["New York", "10001", "New York", "NY"], ["Los Angeles", "90012", "California", "CA"], ["Chicago", "60601", "Illinois", "IL"],
        ["Houston", "77002", "Texas", "TX"], ["Phoenix", "85004", "Arizona", "AZ"], ["Philadelphia", "19103", "Pennsylvania", "PA"],
        ["San Antonio", "78205", "Texas", "TX"], ["San Diego", "92101", "California", "CA"], ["Dallas", "75201", "Texas", "TX"],
        ["Seattle", "98101", "Washington", "WA"], ["Denver", "80202", "Colorado", "CO"], ["Boston", "02108", "Massachusetts", "MA"],
        ["Atlanta", "30303", "Georgia", "GA"], ["Miami", "33130", "Florida", "FL"], ["Portland", "97204", "Oregon", "OR"],
    ] },
    Country { code: "CA", name: "Canada", places: &[
        ["Toronto", "M5H 2N2", "Ontario", "ON"], ["Montréal", "H2Y 1C6", "Quebec", "QC"], ["Vancouver", "V5Y 1V4", "British Columbia", "BC"],
        ["Calgary", "T2P 2M5", "Alberta", "AB"], ["Ottawa", "K1P 1J1", "Ontario", "ON"], ["Edmonton", "T5J 2R7", "Alberta", "AB"],
        ["Winnipeg", "R3B 1B9", "Manitoba", "MB"], ["Halifax", "B3J 3A5", "Nova Scotia", "NS"], ["Québec", "G1R 4S9", "Quebec", "QC"],
        ["Victoria", "V8W 1P6", "British Columbia", "BC"],
    ] },
    Country { code: "GB", name: "United Kingdom", places: &[
        ["London", "EC1A 1BB", "England", "ENG"], ["Manchester", "M2 5DB", "England", "ENG"], ["Birmingham", "B1 1BB", "England", "ENG"],
        ["Leeds", "LS1 1UR", "England", "ENG"], ["Liverpool", "L2 3SW", "England", "ENG"], ["Bristol", "BS1 5TR", "England", "ENG"],
        ["Edinburgh", "EH1 1YJ", "Scotland", "SCT"], ["Glasgow", "G2 1DU", "Scotland", "SCT"], ["Cardiff", "CF10 3ND", "Wales", "WLS"],
        ["Belfast", "BT1 5GS", "Northern Ireland", "NIR"],
    ] },
    Country { code: "DE", name: "Deutschland", places: &[
        ["Berlin", "10115", "Berlin", "BE"], ["Hamburg", "20095", "Hamburg", "HH"], ["München", "80331", "Bayern", "BY"],
        ["Köln", "50667", "Nordrhein-Westfalen", "NW"], ["Frankfurt am Main", "60311", "Hessen", "HE"], ["Stuttgart", "70173", "Baden-Württemberg", "BW"],
        ["Düsseldorf", "40213", "Nordrhein-Westfalen", "NW"], ["Leipzig", "04109", "Sachsen", "SN"], ["Dresden", "01067", "Sachsen", "SN"],
        ["Hannover", "30159", "Niedersachsen", "NI"], ["Nürnberg", "90402", "Bayern", "BY"], ["Bremen", "28195", "Bremen", "HB"],
        ["Kiel", "24103", "Schleswig-Holstein", "SH"], ["Magdeburg", "39104", "Sachsen-Anhalt", "ST"], ["Erfurt", "99084", "Thüringen", "TH"],
    ] },
    Country { code: "AT", name: "Österreich", places: &[
        ["Wien", "1010", "Wien", "9"], ["Graz", "8010", "Steiermark", "6"], ["Linz", "4020", "Oberösterreich", "4"],
        ["Salzburg", "5020", "Salzburg", "5"], ["Innsbruck", "6020", "Tirol", "7"], ["Klagenfurt", "9020", "Kärnten", "2"],
        ["St. Pölten", "3100", "Niederösterreich", "3"], ["Bregenz", "6900", "Vorarlberg", "8"], ["Eisenstadt", "7000", "Burgenland", "1"],
    ] },
    Country { code: "CH", name: "Schweiz", places: &[
        ["Zürich", "8001", "Zürich", "ZH"], ["Genève", "1201", "Genève", "GE"], ["Basel", "4001", "Basel-Stadt", "BS"],
        ["Lausanne", "1003", "Vaud", "VD"], ["Bern", "3011", "Bern", "BE"], ["Winterthur", "8400", "Zürich", "ZH"],
        ["Luzern", "6003", "Luzern", "LU"], ["St. Gallen", "9000", "St. Gallen", "SG"], ["Lugano", "6900", "Ticino", "TI"],
    ] },
    Country { code: "FR", name: "France", places: &[
        ["Paris", "75001", "Île-de-France", "IDF"], ["Marseille", "13001", "Provence-Alpes-Côte d'Azur", "PAC"], ["Lyon", "69001", "Auvergne-Rhône-Alpes", "ARA"],
        ["Toulouse", "31000", "Occitanie", "OCC"], ["Nice", "06000", "Provence-Alpes-Côte d'Azur", "PAC"], ["Nantes", "44000", "Pays de la Loire", "PDL"],
        ["Strasbourg", "67000", "Grand Est", "GES"], ["Montpellier", "34000", "Occitanie", "OCC"], ["Bordeaux", "33000", "Nouvelle-Aquitaine", "NAQ"],
        ["Lille", "59000", "Hauts-de-France", "HDF"], ["Rennes", "35000", "Bretagne", "BRE"], ["Rouen", "76000", "Normandie", "NOR"],
    ] },
    Country { code: "IT", name: "Italia", places: &[
        ["Roma", "00186", "Lazio", "62"], ["Milano", "20121", "Lombardia", "25"], ["Napoli", "80133", "Campania", "72"],
        ["Torino", "10121", "Piemonte", "21"], ["Palermo", "90133", "Sicilia", "82"], ["Genova", "16121", "Liguria", "42"],
        ["Bologna", "40121", "Emilia-Romagna", "45"], ["Firenze", "50122", "Toscana", "52"], ["Bari", "70122", "Puglia", "75"],
        ["Venezia", "30124", "Veneto", "34"],
    ] },
    Country { code: "ES", name: "España", places: &[
        ["Madrid", "28013", "Comunidad de Madrid", "MD"], ["Barcelona", "08002", "Cataluña", "CT"], ["Valencia", "46002", "Comunidad Valenciana", "VC"],
        ["Sevilla", "41001", "Andalucía", "AN"], ["Zaragoza", "50003", "Aragón", "AR"], ["Málaga", "29015", "Andalucía", "AN"],
        ["Murcia", "30001", "Región de Murcia", "MC"], ["Palma", "07001", "Illes Balears", "IB"], ["Bilbao", "48005", "País Vasco", "PV"],
        ["Valladolid", "47001", "Castilla y León", "CL"],
    ] },
    Country { code: "NL", name: "Nederland", places: &[
        ["Amsterdam", "1012 JS", "Noord-Holland", "NH"], ["Rotterdam", "3011 AD", "Zuid-Holland", "ZH"], ["Den Haag", "2511 BT", "Zuid-Holland", "ZH"],
        ["Utrecht", "3511 LX", "Utrecht", "UT"], ["Eindhoven", "5611 EM", "Noord-Brabant", "NB"], ["Groningen", "9712 HW", "Groningen", "GR"],
        ["Arnhem", "6811 DG", "Gelderland", "GE"], ["Maastricht", "6211 DW", "Limburg", "LI"],
    ] },
    Country { code: "PL", name: "Polska", places: &[
        ["Warszawa", "00-950", "mazowieckie", "14"], ["Kraków", "31-004", "małopolskie", "12"], ["Łódź", "90-926", "łódzkie", "10"],
        ["Wrocław", "50-141", "dolnośląskie", "02"], ["Poznań", "61-841", "wielkopolskie", "30"], ["Gdańsk", "80-803", "pomorskie", "22"],
        ["Szczecin", "70-456", "zachodniopomorskie", "32"], ["Lublin", "20-109", "lubelskie", "06"], ["Katowice", "40-098", "śląskie", "24"],
    ] },
    Country { code: "BR", name: "Brasil", places: &[
        ["São Paulo", "01002-020", "São Paulo", "SP"], ["Rio de Janeiro", "20211-110", "Rio de Janeiro", "RJ"], ["Salvador", "40020-010", "Bahia", "BA"],
        ["Fortaleza", "60025-100", "Ceará", "CE"], ["Belo Horizonte", "30130-003", "Minas Gerais", "MG"], ["Curitiba", "80020-000", "Paraná", "PR"],
        ["Recife", "50030-230", "Pernambuco", "PE"], ["Porto Alegre", "90010-150", "Rio Grande do Sul", "RS"],
    ] },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_region_has_one_code_and_a_country_no_city_twice() {
        for country in COUNTRIES {
            let (mut codes, mut cities) = (BTreeMap::new(), std::collections::BTreeSet::new());
            for [city, postal_code, region, code] in country.places {
                assert_eq!(codes.entry(region).or_insert(code), &code, "{city}");
                assert!(cities.insert(city) && !postal_code.is_empty());
                assert!(postal_code.bytes().any(|byte| byte.is_ascii_digit()));
            }
            assert!(country.places.len() >= 8, "{}", country.code);
        }
    }
}
