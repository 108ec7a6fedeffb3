//! Long lines on a narrow terminal: broken at blanks, the rest indented.

use console::measure_text_width;

/// The text with every line that is wider than `width` columns broken at its blanks. A word that is
/// wider stays whole, since names are for copying.
pub(super) fn wrap(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let mut wrapped = String::with_capacity(text.len());
    for line in text.lines() {
        if measure_text_width(line) <= width {
            wrapped.push_str(line);
        } else {
            push(&mut wrapped, line, width);
        }
        wrapped.push('\n');
    }
    wrapped
}

fn push(wrapped: &mut String, line: &str, width: usize) {
    let indent = line.len() - line.trim_start_matches(' ').len();
    wrapped.push_str(&line[..indent]);
    let mut column = indent;
    for (i, word) in line[indent..].split(' ').enumerate() {
        let length = measure_text_width(word);
        if i > 0 && column + 1 + length > width {
            let indent = indent + 2;
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
        } else if i > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_blanks_and_indented() {
        assert_eq!(
            wrap("DONE\n  one two three four\n", Some(12)),
            "DONE\n  one two\n    three\n    four\n"
        );
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let text = "  a   b\n\n  c\n";
        assert_eq!(wrap(text, Some(7)), text);
        assert_eq!(wrap("a line that is long\n", None), "a line that is long\n");
    }

    #[test]
    fn a_name_is_never_broken() {
        assert_eq!(
            wrap("see public.orders now\n", Some(8)),
            "see\n  public.orders\n  now\n"
        );
    }
}
