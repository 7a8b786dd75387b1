//! Colours and attributes, and the shortest way from one set to another.

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier},
};

/// Attributes that terminals know; blinking and hidden text are not used.
const KNOWN: Modifier = Modifier::BOLD
    .union(Modifier::DIM)
    .union(Modifier::ITALIC)
    .union(Modifier::UNDERLINED)
    .union(Modifier::REVERSED)
    .union(Modifier::CROSSED_OUT);
/// Attributes that can be seen on a blank.
const SEEN_ON_BLANK: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

/// Attributes with the numbers that set and end them. Bold and dim end together.
const ATTRIBUTES: [(Modifier, u8, u8); 6] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::REVERSED, 7, 27),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// Colours and attributes of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pen {
    fg: Color,
    bg: Color,
    attributes: Modifier,
}

impl Pen {
    /// The terminal's own.
    pub(super) const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, attributes: Modifier::empty() };

    pub(super) fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, attributes: cell.modifier.intersection(KNOWN) }
    }

    /// What of it can be seen on a blank.
    pub(super) fn of_blank(self) -> Self {
        if self.attributes.intersects(SEEN_ON_BLANK) {
            return self;
        }
        Self { bg: self.bg, ..Self::PLAIN }
    }

    /// Whether a blank that wants `blank` comes out right with this pen.
    pub(super) fn serves_blank(self, blank: Self) -> bool {
        self.of_blank() == blank
    }

    /// Whether erasing with this pen leaves the terminal's own background.
    pub(super) fn erases_plainly(self) -> bool {
        self.serves_blank(Self::PLAIN)
    }
}

/// Writes a number.
pub(super) fn number(out: &mut Vec<u8>, n: u16) {
    let digits = [n / 10_000, n / 1_000 % 10, n / 100 % 10, n / 10 % 10, n % 10];
    let leading = digits.iter().take(4).take_while(|d| **d == 0).count();
    out.extend(digits.iter().skip(leading).filter_map(|d| u8::try_from(*d).ok()).map(|d| b'0' + d));
}

fn parameter(out: &mut Vec<u8>, n: u8) {
    if !out.is_empty() {
        out.push(b';');
    }
    number(out, n.into());
}

/// `base` is 30 for the text, 40 for what is behind it.
fn colour(out: &mut Vec<u8>, base: u8, colour: Color) {
    let indexed = |out: &mut Vec<u8>, index: u8| match index {
        0..=7 => parameter(out, base + index),
        8..=15 => parameter(out, base + 60 + (index - 8)),
        _ => [base + 8, 5, index].into_iter().for_each(|n| parameter(out, n)),
    };
    match colour {
        Color::Reset => parameter(out, base + 9),
        Color::Black => indexed(out, 0),
        Color::Red => indexed(out, 1),
        Color::Green => indexed(out, 2),
        Color::Yellow => indexed(out, 3),
        Color::Blue => indexed(out, 4),
        Color::Magenta => indexed(out, 5),
        Color::Cyan => indexed(out, 6),
        Color::Gray => indexed(out, 7),
        Color::DarkGray => indexed(out, 8),
        Color::LightRed => indexed(out, 9),
        Color::LightGreen => indexed(out, 10),
        Color::LightYellow => indexed(out, 11),
        Color::LightBlue => indexed(out, 12),
        Color::LightMagenta => indexed(out, 13),
        Color::LightCyan => indexed(out, 14),
        Color::White => indexed(out, 15),
        Color::Indexed(index) => indexed(out, index),
        Color::Rgb(r, g, b) => [base + 8, 2, r, g, b].into_iter().for_each(|n| parameter(out, n)),
    }
}

/// Only what differs.
fn by_difference(from: Pen, to: Pen) -> Vec<u8> {
    let mut out = Vec::new();
    let ended = from.attributes.difference(to.attributes);
    let mut begun = to.attributes.difference(from.attributes);
    let weight = Modifier::BOLD.union(Modifier::DIM);
    if ended.intersects(weight) {
        parameter(&mut out, 22);
        begun |= to.attributes.intersection(weight);
    }
    for (attribute, _, end) in ATTRIBUTES {
        if ended.contains(attribute) && !weight.contains(attribute) {
            parameter(&mut out, end);
        }
    }
    for (attribute, begin, _) in ATTRIBUTES {
        if begun.contains(attribute) {
            parameter(&mut out, begin);
        }
    }
    if from.fg != to.fg {
        colour(&mut out, 30, to.fg);
    }
    if from.bg != to.bg {
        colour(&mut out, 40, to.bg);
    }
    out
}

/// From nothing known.
fn by_reset(to: Pen) -> Vec<u8> {
    if to == Pen::PLAIN {
        return Vec::new();
    }
    let mut out = vec![b'0'];
    let from_plain = by_difference(Pen::PLAIN, to);
    out.push(b';');
    out.extend(from_plain);
    out
}

/// Writes what makes the terminal's pen `to`; `from` is `None` if nobody knows what it is.
pub(super) fn change(out: &mut Vec<u8>, from: Option<Pen>, to: Pen) {
    if from == Some(to) {
        return;
    }
    let reset = by_reset(to);
    let parameters = match from.map(|from| by_difference(from, to)) {
        Some(difference) if difference.len() < reset.len() => difference,
        _ => reset,
    };
    out.extend(b"\x1b[");
    out.extend(parameters);
    out.push(b'm');
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn pen(fg: Color, bg: Color, attributes: Modifier) -> Pen {
        Pen { fg, bg, attributes }
    }

    #[rstest]
    #[case::nothing(Some(Pen::PLAIN), Pen::PLAIN, "")]
    #[case::unknown(None, Pen::PLAIN, "\x1b[m")]
    #[case::bold(Some(Pen::PLAIN), pen(Color::Reset, Color::Reset, Modifier::BOLD), "\x1b[1m")]
    #[case::unknown_bold(None, pen(Color::Reset, Color::Reset, Modifier::BOLD), "\x1b[0;1m")]
    #[case::one_colour(
        Some(pen(Color::Red, Color::Blue, Modifier::BOLD)),
        pen(Color::Indexed(208), Color::Blue, Modifier::BOLD),
        "\x1b[38;5;208m"
    )]
    #[case::rgb(Some(Pen::PLAIN), pen(Color::Reset, Color::Rgb(1, 20, 255), Modifier::empty()), "\x1b[48;2;1;20;255m")]
    #[case::bright(Some(Pen::PLAIN), pen(Color::LightRed, Color::DarkGray, Modifier::empty()), "\x1b[91;100m")]
    #[case::reset_is_shorter(
        Some(pen(Color::Red, Color::Blue, Modifier::BOLD | Modifier::REVERSED)),
        Pen::PLAIN,
        "\x1b[m"
    )]
    #[case::bold_to_dim(
        Some(pen(Color::Red, Color::Rgb(1, 2, 3), Modifier::BOLD)),
        pen(Color::Red, Color::Rgb(1, 2, 3), Modifier::DIM),
        "\x1b[22;2m"
    )]
    #[case::both_to_bold(
        Some(pen(Color::Rgb(9, 9, 9), Color::Reset, Modifier::BOLD | Modifier::DIM)),
        pen(Color::Rgb(9, 9, 9), Color::Reset, Modifier::BOLD),
        "\x1b[22;1m"
    )]
    #[case::crossed_out(Some(Pen::PLAIN), pen(Color::Reset, Color::Reset, Modifier::CROSSED_OUT), "\x1b[9m")]
    #[case::crossed_out_ends(
        Some(pen(Color::Rgb(9, 9, 9), Color::Reset, Modifier::CROSSED_OUT)),
        pen(Color::Rgb(9, 9, 9), Color::Reset, Modifier::ITALIC),
        "\x1b[29;3m"
    )]
    fn the_shortest_way(#[case] from: Option<Pen>, #[case] to: Pen, #[case] bytes: &str) {
        let mut out = Vec::new();
        change(&mut out, from, to);
        assert_eq!(String::from_utf8(out).unwrap(), bytes);
    }

    #[rstest]
    #[case(0, "0")]
    #[case(7, "7")]
    #[case(100, "100")]
    #[case(65_535, "65535")]
    fn numbers(#[case] n: u16, #[case] text: &str) {
        let mut out = Vec::new();
        number(&mut out, n);
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }
}
