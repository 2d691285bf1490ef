//! Lists that are too short to look up.

pub(super) const HOSTS: &[&str] = &["example.com", "example.org", "example.net"];
pub(super) const GENDERS: &[&str] = &["female", "male", "other"];
pub(super) const TITLES: &[&str] = &["Mr.", "Mrs.", "Ms.", "Dr.", "Prof."];
pub(super) const STREETS: &[&str] = &[
    "Street", "Avenue", "Road", "Lane", "Drive", "Court", "Square", "Way",
];
pub(super) const COLOURS: &[&str] = &[
    "black",
    "white",
    "red",
    "green",
    "blue",
    "yellow",
    "orange",
    "purple",
    "pink",
    "brown",
    "grey",
    "beige",
    "turquoise",
    "teal",
    "navy",
    "olive",
    "maroon",
    "silver",
    "gold",
    "ivory",
];
pub(super) const MATERIALS: &[&str] = &[
    "Wooden", "Steel", "Cotton", "Leather", "Glass", "Granite", "Plastic", "Bamboo", "Ceramic",
    "Linen", "Copper", "Marble", "Paper", "Rubber", "Silk", "Wool",
];
pub(super) const QUALITIES: &[&str] = &[
    "Small",
    "Light",
    "Sturdy",
    "Elegant",
    "Practical",
    "Modern",
    "Classic",
    "Handmade",
    "Sleek",
    "Compact",
    "Foldable",
    "Durable",
    "Heavy",
    "Refined",
    "Rustic",
    "Smart",
];
pub(super) const THINGS: &[&str] = &[
    "Chair", "Table", "Lamp", "Shirt", "Shoes", "Bag", "Hat", "Clock", "Bottle", "Keyboard", "Mug",
    "Knife", "Bench", "Watch", "Wallet", "Towel", "Bowl", "Pen", "Coat", "Gloves", "Speaker",
    "Desk", "Mirror", "Pillow",
];
pub(super) const LANGUAGES: &[&str] = &[
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "fi", "cs", "tr", "ru", "uk", "ar",
    "he", "hi", "ja", "ko", "zh", "vi", "th", "el", "hu", "ro",
];
pub(super) const TAGS: &[&str] = &[
    "en-US", "en-GB", "de-DE", "de-AT", "fr-FR", "fr-CA", "es-ES", "es-MX", "it-IT", "pt-BR",
    "nl-NL", "pl-PL", "sv-SE", "ja-JP", "zh-CN", "ko-KR", "tr-TR",
];
pub(super) const LANGUAGE_NAMES: &[&str] = &[
    "English",
    "German",
    "French",
    "Spanish",
    "Italian",
    "Portuguese",
    "Dutch",
    "Polish",
    "Swedish",
    "Danish",
    "Finnish",
    "Czech",
    "Turkish",
    "Japanese",
    "Korean",
    "Chinese",
    "Greek",
    "Hindi",
];
pub(super) const MIME_TYPES: &[&str] = &[
    "application/json",
    "application/pdf",
    "application/zip",
    "application/xml",
    "text/plain",
    "text/html",
    "text/csv",
    "image/png",
    "image/jpeg",
    "image/svg+xml",
    "image/webp",
    "audio/mpeg",
    "video/mp4",
];
pub(super) const EXTENSIONS: &[&str] = &[
    ".pdf", ".png", ".jpg", ".csv", ".txt", ".docx", ".xlsx", ".zip", ".json",
];
pub(super) const CATEGORIES: &[&str] = &[
    "Books",
    "Clothing",
    "Electronics",
    "Garden",
    "Groceries",
    "Health",
    "Home",
    "Music",
    "Office",
    "Outdoors",
    "Pets",
    "Sports",
    "Tools",
    "Toys",
    "Travel",
];
/// Area codes of large cities in the United States.
pub(super) const AREAS: &[&str] = &[
    "202", "206", "212", "213", "214", "215", "303", "305", "312", "313", "314", "404", "405",
    "408", "412", "414", "415", "502", "503", "504", "505", "512", "513", "602", "612", "615",
    "617", "619", "702", "704", "713", "716", "718", "801", "808", "816", "901", "907", "916",
    "919",
];
/// What issuers of cards give for tests.
pub(super) const ISSUERS: &[&str] = &["411111", "424242", "555555", "510510"];
pub(super) const BROWSERS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/",
];
