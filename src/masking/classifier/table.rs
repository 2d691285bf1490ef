//! What a table is about, judged by its name.

use super::tokens::{singular, tokens};
use super::vocabulary::{
    HEADS_FIRST, LISTS, MEDICAL, MESSAGES, ORGANISATIONS, PERSONS, PROFILES, SEARCHES, SECRETS,
    TABLE_NOISE, THINGS, UPLOADS, is_in,
};
use crate::masking::Class;

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Subject {
    /// Persons: a bare `name` is somebody's.
    Person,
    /// Organisations or places: their address is public.
    Organisation,
    /// Things: a bare `name` is theirs.
    Thing,
    /// Nothing that the name would tell.
    #[default]
    Unknown,
}

/// What is known of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Table {
    pub(super) subject: Subject,
    /// Messages, comments, tickets.
    pub(super) messages: bool,
    /// Files.
    pub(super) uploads: bool,
    /// Searches.
    pub(super) searches: bool,
    /// Tokens, sessions, credentials.
    pub(super) secrets: bool,
    /// Patients and what is done to them.
    pub(super) medical: bool,
    /// A list of one class, such as `user_emails`.
    pub(super) list: Option<Class>,
    /// Columns beside tell of persons: an e-mail, a family name, a date of birth.
    pub(super) person_columns: bool,
    /// Columns beside are names of persons.
    pub(super) people_columns: bool,
    /// Columns beside are parts of an address.
    pub(super) address_columns: bool,
}

impl Table {
    /// Reads a table's name.
    pub(super) fn of(name: &str) -> Self {
        let words: Vec<String> = tokens(name).iter().map(|word| singular(word)).collect();
        let any = |list| words.iter().any(|word| is_in(list, word));
        let head = words.last().map_or("", String::as_str);
        let list = LISTS.iter().find(|(word, _)| *word == head);
        Self {
            subject: subject(&words),
            messages: any(MESSAGES),
            uploads: is_in(UPLOADS, head),
            searches: any(SEARCHES),
            secrets: is_in(SECRETS, head),
            medical: any(MEDICAL),
            list: list.map(|(_, class)| *class),
            ..Self::default()
        }
    }

    /// Whether its rows are persons, by its name or by its columns.
    pub(super) fn is_about_persons(&self) -> bool {
        match self.subject {
            Subject::Person => true,
            Subject::Unknown => self.person_columns,
            Subject::Organisation | Subject::Thing => false,
        }
    }
}

fn subject(words: &[String]) -> Subject {
    let mut words = words;
    while words.len() > 1
        && words
            .last()
            .is_some_and(|w| is_in(TABLE_NOISE, w) || is_in(PROFILES, w))
        && words[..words.len() - 1]
            .iter()
            .any(|w| of_word(w).is_some())
    {
        words = &words[..words.len() - 1];
    }
    let Some(head) = words.last() else {
        return Subject::Unknown;
    };
    if let Some(subject) = of_word(head) {
        return subject;
    }
    if is_in(PROFILES, head) {
        return Subject::Person;
    }
    let first = words.first().map_or("", String::as_str);
    if is_in(HEADS_FIRST, first) && !is_known_head(head) {
        Subject::Person
    } else {
        Subject::Unknown
    }
}

fn is_known_head(word: &str) -> bool {
    [MESSAGES, UPLOADS, SEARCHES, SECRETS]
        .iter()
        .any(|list| is_in(list, word))
        || LISTS.iter().any(|(head, _)| *head == word)
        || word.len() > 3 && word.is_ascii() && super::vocabulary::phrase(word).is_some()
}

fn of_word(word: &str) -> Option<Subject> {
    if is_in(PROFILES, word) {
        None
    } else if is_in(PERSONS, word) {
        Some(Subject::Person)
    } else if is_in(ORGANISATIONS, word) {
        Some(Subject::Organisation)
    } else if is_in(THINGS, word) {
        Some(Subject::Thing)
    } else {
        // German and its like write words together: `firmenkunden`.
        PERSONS
            .split_whitespace()
            .any(|person| person.len() > 4 && word.len() > person.len() && word.ends_with(person))
            .then_some(Subject::Person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_the_name_decides() {
        for (name, subject) in [
            ("users", Subject::Person),
            ("auth_user", Subject::Person),
            ("user_profiles", Subject::Person),
            ("school_profiles", Subject::Organisation),
            ("profiles", Subject::Person),
            ("UserAccount", Subject::Person),
            ("clientes_activos", Subject::Person),
            ("firmenkunden", Subject::Person),
            ("products", Subject::Thing),
            ("user_roles", Subject::Thing),
            ("local_authorities", Subject::Organisation),
            ("orders", Subject::Unknown),
            ("participant_outcomes", Subject::Unknown),
            ("people_history", Subject::Person),
        ] {
            assert_eq!(Table::of(name).subject, subject, "{name}");
        }
        assert_eq!(Table::of("user_emails").list, Some(Class::Email));
        assert!(Table::of("email_deliveries").messages);
        assert!(Table::of("school_searches").searches);
    }
}
