//! The columns of a COPY: where a mask finds the other fields of its row.

use std::collections::HashMap;

/// Names and types of a COPY's columns, in order; one index for all masks of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    names: Vec<String>,
    types: Vec<String>,
    places: HashMap<String, usize>,
}

impl Columns {
    /// Their names, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where a column stands in the row.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The type of the column at a place, the base type of a domain; empty where none is known.
    #[must_use]
    pub fn data_type(&self, place: usize) -> &str {
        self.types.get(place).map_or("", String::as_str)
    }
}

impl FromIterator<(String, String)> for Columns {
    /// Columns by name and type.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(columns: I) -> Self {
        let (names, types): (Vec<String>, Vec<String>) = columns.into_iter().unzip();
        let mut places = HashMap::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            places.entry(name.clone()).or_insert(place);
        }
        Self {
            names,
            types,
            places,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_place() {
        let of = |name: &str, data_type: &str| (name.to_owned(), data_type.to_owned());
        let columns: Columns = [of("id", "integer"), of("kind", "text")]
            .into_iter()
            .collect();
        assert_eq!(columns.place("kind"), Some(1));
        assert_eq!((columns.data_type(1), columns.data_type(2)), ("text", ""));
        assert_eq!(columns.place("Kind"), None);
    }
}
