//! Columns for people.

/// `rows` as lines whose columns line up, two spaces between them; the last column is as wide as it is.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Names in a row, or a dash.
pub(crate) fn joined(names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names.into_iter().collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_tail() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let text = table(&[row(["A", "BB", "C"]), row(["aaa", "b", ""]), row(["ä", "b", "long"])]);
        assert_eq!(text, "A    BB  C\naaa  b\nä    b   long\n");
        assert_eq!((joined([]), joined(["a".to_owned(), "b".to_owned()])), ("-".to_owned(), "a, b".to_owned()));
    }
}
