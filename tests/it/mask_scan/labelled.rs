//! Names alone, against columns that teams labelled themselves.

use tidegate::masking::classifier::{ColumnName, by_name};

/// Columns of real applications that their own teams labelled, when the list is there.
#[test]
fn labelled_columns_of_real_applications() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/data/pii-columns.tsv"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect())
        .collect();
    let (mut hit, mut missed, mut alarm) = (0_u32, Vec::new(), Vec::new());
    for group in rows.chunk_by(|a, b| a[..2] == b[..2]) {
        let columns: Vec<ColumnName<'_>> = group
            .iter()
            .map(|row| ColumnName {
                table: row[1],
                column: row[2],
                data_type: row[3],
                comment: None,
            })
            .collect();
        for (row, finding) in group.iter().zip(by_name(&columns)) {
            let name = format!("{}.{}", row[1], row[2]);
            match (row[4] == "pii", finding) {
                (true, Some(_)) => hit += 1,
                (true, None) => missed.push(name),
                (false, Some(finding)) => alarm.push(format!("{name} {}", finding.class)),
                (false, None) => {}
            }
        }
    }
    let (hits, missing, alarms) = (f64::from(hit), missed.len() as f64, alarm.len() as f64);
    let (recall, precision) = (hits / (hits + missing), hits / (hits + alarms));
    eprintln!("recall {recall:.3} precision {precision:.3}\nmissed {missed:?}\nfalse {alarm:?}");
    assert!(recall >= 0.85, "recall {recall}: {missed:?}");
    assert!(precision >= 0.45, "precision {precision}: {alarm:?}");
}
