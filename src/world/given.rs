//! Given names by gender. The lists of `fake` do not tell it, so these are our own: common names of
//! one gender each, written down by hand.

/// Given names by gender.
#[derive(Debug, Clone, Copy)]
pub struct Given {
    /// Of women.
    pub female: &'static [&'static str],
    /// Of men.
    pub male: &'static [&'static str],
}

/// The names of a language (ISO 639-1); `None` where there are none by gender.
#[must_use]
pub fn given(language: &str) -> Option<Given> {
    Some(match language {
        "en" => EN,
        "de" => DE,
        "fr" => FR,
        "it" => IT,
        "nl" => NL,
        "pt" => PT,
        "tr" => TR,
        _ => return None,
    })
}

#[rustfmt::skip]
const EN: Given = Given {
    female: &["Abigail", "Alice", "Allison", "Amanda", "Amber", "Amelia", "Amy", "Andrea", "Angela", "Anna", "Ashley", "Barbara", "Betty", "Beverly", "Brenda", "Brittany", "Carol", "Caroline", "Catherine", "Charlotte", "Cheryl", "Christina", "Claire", "Cynthia", "Danielle", "Deborah", "Denise", "Diana", "Donna", "Dorothy", "Elizabeth", "Emily", "Emma", "Evelyn", "Gloria", "Grace", "Hannah", "Heather", "Helen", "Isabella", "Jacqueline", "Jane", "Janet", "Jennifer", "Jessica", "Joan", "Judith", "Julia", "Karen", "Kathleen", "Kimberly", "Laura", "Lauren", "Linda", "Lisa", "Lori", "Madison", "Margaret", "Maria", "Marie", "Martha", "Mary", "Megan", "Melissa", "Michelle", "Nancy", "Natalie", "Nicole", "Olivia", "Pamela", "Patricia", "Rachel", "Rebecca", "Rose", "Ruth", "Samantha", "Sandra", "Sarah", "Sharon", "Sophia", "Stephanie", "Susan", "Teresa", "Theresa", "Victoria", "Virginia"],
    male: &["Aaron", "Adam", "Alan", "Albert", "Alexander", "Andrew", "Anthony", "Arthur", "Austin", "Benjamin", "Brandon", "Brian", "Bruce", "Bryan", "Carl", "Charles", "Christopher", "Daniel", "David", "Dennis", "Donald", "Douglas", "Dylan", "Edward", "Eric", "Ethan", "Eugene", "Frank", "Gabriel", "Gary", "George", "Gerald", "Gregory", "Harold", "Henry", "Jack", "Jacob", "James", "Jason", "Jeffrey", "Jeremy", "Jerry", "Joe", "John", "Jonathan", "Joseph", "Joshua", "Juan", "Justin", "Keith", "Kenneth", "Kevin", "Kyle", "Larry", "Lawrence", "Logan", "Louis", "Mark", "Matthew", "Michael", "Nathan", "Nicholas", "Noah", "Patrick", "Paul", "Peter", "Philip", "Ralph", "Raymond", "Richard", "Robert", "Roger", "Ronald", "Roy", "Russell", "Ryan", "Samuel", "Scott", "Sean", "Stephen", "Steven", "Thomas", "Timothy", "Tyler", "Vincent", "Walter", "Wayne", "William", "Zachary"],
};

#[rustfmt::skip]
const DE: Given = Given {
    female: &["Angelika", "Anja", "Anna", "Annika", "Astrid", "Barbara", "Birgit", "Brigitte", "Carina", "Christa", "Christina", "Claudia", "Cornelia", "Daniela", "Doris", "Elisabeth", "Elke", "Emma", "Erika", "Eva", "Franziska", "Gabriele", "Gisela", "Hanna", "Heike", "Helga", "Ingrid", "Jana", "Johanna", "Julia", "Karin", "Katharina", "Katja", "Kerstin", "Lea", "Lena", "Lisa", "Luisa", "Manuela", "Maria", "Marie", "Martina", "Melanie", "Mia", "Monika", "Nadine", "Nicole", "Nina", "Petra", "Renate", "Sabine", "Sabrina", "Sandra", "Sarah", "Silke", "Simone", "Sonja", "Sophie", "Stefanie", "Susanne", "Tanja", "Ulrike", "Ursula", "Vanessa"],
    male: &["Alexander", "Andreas", "Ben", "Benjamin", "Bernd", "Christian", "Daniel", "David", "Dieter", "Dirk", "Dominik", "Elias", "Emil", "Erik", "Fabian", "Felix", "Finn", "Florian", "Frank", "Friedrich", "Georg", "Gerhard", "Hans", "Heinz", "Helmut", "Henrik", "Holger", "Jakob", "Jan", "Johannes", "Jonas", "Julian", "Karl", "Klaus", "Konrad", "Lars", "Leon", "Lukas", "Manfred", "Marcel", "Marco", "Markus", "Martin", "Matthias", "Max", "Michael", "Moritz", "Niklas", "Olaf", "Oliver", "Patrick", "Paul", "Peter", "Philipp", "Ralf", "Robert", "Sebastian", "Simon", "Stefan", "Sven", "Thomas", "Tim", "Tobias", "Ulrich", "Uwe", "Walter", "Werner", "Wolfgang"],
};

#[rustfmt::skip]
const FR: Given = Given {
    female: &["Adèle", "Alice", "Amélie", "Anaïs", "Anne", "Aurélie", "Brigitte", "Caroline", "Catherine", "Cécile", "Céline", "Chantal", "Charlotte", "Chloé", "Christine", "Claire", "Clara", "Corinne", "Delphine", "Élise", "Élodie", "Emma", "Émilie", "Florence", "Françoise", "Hélène", "Inès", "Isabelle", "Jacqueline", "Jeanne", "Julie", "Juliette", "Karine", "Laetitia", "Laura", "Laurence", "Léa", "Louise", "Lucie", "Madeleine", "Manon", "Marie", "Martine", "Mathilde", "Mélanie", "Monique", "Nathalie", "Nicole", "Pauline", "Sandrine", "Sarah", "Sophie", "Stéphanie", "Sylvie", "Valérie", "Véronique", "Virginie", "Zoé"],
    male: &["Adrien", "Alain", "Alexandre", "Antoine", "Arnaud", "Arthur", "Aurélien", "Benoît", "Bernard", "Bruno", "Cédric", "Christophe", "Clément", "Damien", "Daniel", "David", "Denis", "Didier", "Éric", "Étienne", "Fabien", "François", "Frédéric", "Gabriel", "Georges", "Gérard", "Gilles", "Guillaume", "Henri", "Hugo", "Jacques", "Jean", "Jérôme", "Julien", "Laurent", "Louis", "Lucas", "Luc", "Marc", "Mathieu", "Maxime", "Michel", "Nathan", "Nicolas", "Olivier", "Pascal", "Patrick", "Paul", "Philippe", "Pierre", "Raphaël", "René", "Romain", "Sébastien", "Serge", "Stéphane", "Sylvain", "Théo", "Thierry", "Thomas", "Vincent", "Xavier", "Yves"],
};

#[rustfmt::skip]
const IT: Given = Given {
    female: &["Alessia", "Alice", "Angela", "Anna", "Antonella", "Aurora", "Barbara", "Beatrice", "Bianca", "Camilla", "Carla", "Caterina", "Chiara", "Cristina", "Daniela", "Elena", "Elisa", "Emma", "Federica", "Francesca", "Gaia", "Giada", "Ginevra", "Giorgia", "Giovanna", "Giulia", "Greta", "Ilaria", "Laura", "Lucia", "Maria", "Marta", "Martina", "Matilde", "Michela", "Monica", "Paola", "Rosa", "Roberta", "Sara", "Serena", "Silvia", "Simona", "Sofia", "Teresa", "Valentina", "Vittoria"],
    male: &["Alberto", "Alessandro", "Andrea", "Angelo", "Antonio", "Carlo", "Claudio", "Cristian", "Daniele", "Dario", "Davide", "Edoardo", "Emanuele", "Enrico", "Fabio", "Federico", "Filippo", "Francesco", "Gabriele", "Giacomo", "Gianluca", "Giorgio", "Giovanni", "Giulio", "Giuseppe", "Leonardo", "Lorenzo", "Luca", "Luigi", "Marco", "Mario", "Massimo", "Matteo", "Mattia", "Maurizio", "Michele", "Nicola", "Paolo", "Pietro", "Riccardo", "Roberto", "Salvatore", "Sergio", "Simone", "Stefano", "Tommaso", "Vincenzo"],
};

#[rustfmt::skip]
const NL: Given = Given {
    female: &["Anna", "Anneke", "Annemarie", "Anouk", "Astrid", "Bianca", "Carla", "Daphne", "Ellen", "Emma", "Esther", "Eva", "Fleur", "Femke", "Hanneke", "Ilse", "Ingrid", "Iris", "Janneke", "Johanna", "Julia", "Karin", "Kim", "Laura", "Linda", "Lisa", "Lotte", "Maaike", "Maria", "Marieke", "Marloes", "Mirjam", "Monique", "Nicole", "Noor", "Petra", "Roos", "Sandra", "Sanne", "Saskia", "Sophie", "Tess", "Wilma", "Yvonne"],
    male: &["Arjan", "Bart", "Bas", "Bram", "Cornelis", "Daan", "Dennis", "Dirk", "Edwin", "Erik", "Floris", "Frank", "Gerard", "Hans", "Hendrik", "Henk", "Jan", "Jaap", "Jasper", "Jeroen", "Joost", "Johan", "Kees", "Lars", "Luuk", "Maarten", "Marcel", "Mark", "Martijn", "Niels", "Peter", "Pieter", "Richard", "Rob", "Ruben", "Ruud", "Sander", "Stefan", "Stijn", "Sven", "Thijs", "Thomas", "Tim", "Willem", "Wouter"],
};

#[rustfmt::skip]
const PT: Given = Given {
    female: &["Adriana", "Alessandra", "Alice", "Aline", "Amanda", "Ana", "Beatriz", "Bruna", "Camila", "Carla", "Carolina", "Catarina", "Clara", "Cláudia", "Cristina", "Daniela", "Eduarda", "Fernanda", "Francisca", "Gabriela", "Helena", "Inês", "Isabel", "Joana", "Júlia", "Juliana", "Larissa", "Laura", "Letícia", "Luciana", "Luísa", "Manuela", "Márcia", "Maria", "Mariana", "Marta", "Matilde", "Mônica", "Natália", "Patrícia", "Paula", "Rafaela", "Raquel", "Renata", "Rita", "Sandra", "Sara", "Sofia", "Tatiana", "Teresa", "Vanessa", "Vitória"],
    male: &["Alexandre", "André", "Antônio", "Artur", "Bernardo", "Bruno", "Caio", "Carlos", "Daniel", "Diego", "Diogo", "Duarte", "Eduardo", "Fábio", "Felipe", "Fernando", "Francisco", "Gabriel", "Gonçalo", "Guilherme", "Gustavo", "Heitor", "Henrique", "Hugo", "João", "Jorge", "José", "Leonardo", "Lucas", "Luís", "Marcelo", "Márcio", "Marcos", "Martim", "Mateus", "Miguel", "Nuno", "Paulo", "Pedro", "Rafael", "Ricardo", "Roberto", "Rodrigo", "Rui", "Samuel", "Sérgio", "Thiago", "Tomás", "Vasco", "Vítor"],
};

#[rustfmt::skip]
const TR: Given = Given {
    female: &["Aslı", "Ayşe", "Aylin", "Azra", "Bahar", "Başak", "Burcu", "Canan", "Cansu", "Ceren", "Defne", "Derya", "Dilek", "Ebru", "Ecrin", "Elif", "Emine", "Esra", "Fatma", "Feride", "Gamze", "Gizem", "Gülay", "Hatice", "Havva", "Hülya", "İrem", "Leyla", "Melike", "Meltem", "Meryem", "Merve", "Nazlı", "Nur", "Nuray", "Özlem", "Pınar", "Seda", "Selin", "Sevgi", "Sibel", "Şerife", "Tuğba", "Yasemin", "Zehra", "Zeynep"],
    male: &["Abdullah", "Ahmet", "Ali", "Arda", "Baran", "Barış", "Berk", "Burak", "Can", "Cem", "Cengiz", "Emre", "Enes", "Erdem", "Eren", "Erkan", "Fatih", "Furkan", "Gökhan", "Hakan", "Halil", "Hasan", "Hüseyin", "İbrahim", "İsmail", "Kaan", "Kadir", "Kemal", "Kerem", "Levent", "Mehmet", "Mert", "Murat", "Mustafa", "Oğuz", "Okan", "Onur", "Orhan", "Osman", "Ömer", "Ramazan", "Selim", "Serkan", "Süleyman", "Tolga", "Uğur", "Umut", "Volkan", "Yasin", "Yusuf"],
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_name_is_of_both_genders() {
        for language in ["en", "de", "fr", "it", "nl", "pt", "tr"] {
            let Given { female, male } = given(language).unwrap();
            let all: HashSet<_> = female.iter().chain(male).collect();
            assert_eq!(all.len(), female.len() + male.len(), "{language}");
            assert!(female.len() > 40 && male.len() > 40, "{language}");
        }
    }
}
