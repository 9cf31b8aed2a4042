//! How many columns text takes, and where it is broken: by what a reader sees as one character,
//! and with the very widths by which it is drawn later.

use ratatui::buffer::CellWidth as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// What a reader sees as single characters, with their columns. What has none is left out, as it
/// is when it is drawn.
pub(in crate::ui) fn graphemes(text: &str) -> impl Iterator<Item = (usize, &str, usize)> {
    let shown = text.grapheme_indices(true).filter(|(_, one)| !one.contains(char::is_control));
    shown.map(|(at, one)| (at, one, usize::from(one.cell_width()))).filter(|(_, _, n)| *n > 0)
}

/// The columns of `text`.
pub(in crate::ui) fn width(text: &str) -> usize {
    match text.is_ascii() {
        true => text.bytes().filter(|byte| !byte.is_ascii_control()).count(),
        false => graphemes(text).map(|(_, _, columns)| columns).sum(),
    }
}

/// As much of `text` as fits into `columns`, and how many it takes.
pub(super) fn fit(text: &str, columns: usize) -> (&str, usize) {
    let mut used = 0;
    for (at, _, one) in graphemes(text) {
        if used + one > columns {
            return (&text[..at], used);
        }
        used += one;
    }
    (text, used)
}

/// `text` in at most `columns`: where something is left out, `mark` tells. What tells two of one
/// name apart stands at the end, after `~`, and is never left out.
pub(super) fn cut(text: &str, columns: usize, mark: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let end = text.rfind('~').map_or("", |at| &text[at..]);
    let room = columns.saturating_sub(width(mark) + width(end));
    let whole = format!("{}{mark}{end}", fit(text, room).0);
    match width(&whole) <= columns {
        true => whole,
        false => fit(&whole, columns).0.to_owned(),
    }
}

/// `text` cut and filled up to exactly `columns`.
pub(super) fn pad(text: &str, columns: usize, mark: &str) -> String {
    let mut padded = cut(text, columns, mark);
    let missing = columns.saturating_sub(width(&padded));
    padded.extend(std::iter::repeat_n(' ', missing));
    padded
}

/// Where the lines of `text` begin and end when it is broken to `columns`: after a space where
/// there is one, else anywhere between two characters. At least one line.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<core::ops::Range<usize>> {
    let columns = columns.max(2);
    let mut lines = Vec::new();
    let (mut start, mut used) = (0, 0);
    // After the last space: where, and how many columns are used up to there.
    let mut space: Option<(usize, usize)> = None;
    for (at, one, takes) in graphemes(text) {
        // A space at the end of a line needs no room.
        if used + takes > columns && one != " " {
            let (end, left) = match space.filter(|(end, _)| *end > start) {
                Some((end, before)) => (end, used - before),
                None => (at, 0),
            };
            lines.push(start..end);
            (start, used, space) = (end, left, None);
        }
        used += takes;
        if one == " " {
            space = Some((at + 1, used));
        }
    }
    lines.push(start..text.len());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, columns: usize) -> Vec<&str> {
        wrap(text, columns).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn widths_are_those_of_the_terminal() {
        for (text, columns) in [
            ("", 0),
            ("abc", 3),
            ("żółw", 4),
            ("日本", 4),
            ("👩‍💻", 2),
            ("👨‍👩‍👧‍👦", 2),
            ("🇵🇱", 2),
            ("e\u{301}", 1),
            ("שלום", 4),
            ("\u{200b}", 0),
        ] {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn text_is_broken_at_spaces_and_never_inside_of_a_character() {
        assert_eq!(wrapped("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("日本語", 5), ["日本", "語"]);
        assert_eq!(wrapped("👩‍💻👩‍💻", 3), ["👩‍💻", "👩‍💻"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("ab   ", 2), ["ab   "], "spaces at the end need no room");
    }

    #[test]
    fn every_byte_of_a_text_is_in_one_line() {
        for text in ["a b  c dd eeeeeee", "日本 語 x", "   ", "x\u{301}\u{301} y"] {
            for columns in 0..9 {
                assert_eq!(wrapped(text, columns).concat(), text);
            }
        }
    }

    #[test]
    fn what_tells_two_of_one_name_apart_is_not_cut() {
        assert_eq!(cut("maximilian~7f3a", 10, "…"), "maxi…~7f3a");
        assert_eq!(cut("maximilian", 5, "…"), "maxi…");
        assert_eq!(cut("日本語", 4, "…"), "日…");
        assert_eq!(pad("ana", 5, "…"), "ana  ");
        assert_eq!(width(&pad("日本語", 4, "…")), 4);
        assert_eq!(cut("a~7f3a", 3, "…"), "…~7", "there is no room for it");
    }
}
