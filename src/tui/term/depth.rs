//! What a terminal can show: its colours and its characters, by what the environment says.
//!
//! Nothing is asked of the terminal itself: an answer would have to be told from what a person types.

use crate::tui::theme::{Depth, Glyphs};
use std::str::FromStr;

/// What a person asked for with `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorFlag {
    /// What the environment says.
    #[default]
    Auto,
    /// This and nothing else.
    Depth(Depth),
}

/// A text that names no depth.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of auto, rgb, 256, 16, mono")]
pub struct ColorFlagError(String);

impl FromStr for ColorFlag {
    type Err = ColorFlagError;

    fn from_str(text: &str) -> Result<Self, ColorFlagError> {
        Ok(match text {
            "auto" => Self::Auto,
            "rgb" => Self::Depth(Depth::Rgb),
            "256" => Self::Depth(Depth::C256),
            "16" => Self::Depth(Depth::C16),
            "mono" => Self::Depth(Depth::Mono),
            _ => return Err(ColorFlagError(text.chars().take(20).collect())),
        })
    }
}

/// The colours of a terminal; `None` if it cannot hold a screen at all and wants plain lines.
///
/// The first that says something counts: `TERM=dumb`, the flag, `NO_COLOR` (<https://no-color.org>), `COLORTERM`,
/// `TERM`. No flag teaches a dumb terminal to move its cursor. `env` looks up a variable of the environment.
#[must_use]
pub fn color_depth(flag: ColorFlag, env: impl Fn(&str) -> Option<String>) -> Option<Depth> {
    let value = |name: &str| env(name).filter(|v| !v.is_empty());
    let term = value("TERM").unwrap_or_default();
    if term == "dumb" {
        return None;
    }
    if let ColorFlag::Depth(depth) = flag {
        return Some(depth);
    }
    if value("NO_COLOR").is_some() {
        return Some(Depth::Mono);
    }
    if matches!(value("COLORTERM").as_deref(), Some("truecolor" | "24bit")) {
        return Some(Depth::Rgb);
    }
    // tmux and screen take 256 colours under any name, and map them to what the outer terminal has.
    let multiplexed = term.starts_with("tmux") || term.starts_with("screen");
    Some(if multiplexed || term.contains("256color") { Depth::C256 } else { Depth::C16 })
}

/// The characters of a terminal: Unicode if the locale is UTF-8 and it is not the console of Linux, whose fonts lack
/// most. `env` looks up a variable of the environment.
#[must_use]
pub fn glyphs(env: impl Fn(&str) -> Option<String>) -> Glyphs {
    let value = |name: &str| env(name).filter(|v| !v.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(value).unwrap_or_default().to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    let console = value("TERM").is_some_and(|term| term == "linux");
    if utf8 && !console { Glyphs::Unicode } else { Glyphs::Ascii }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn env(set: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[rstest]
    #[case::nothing_known("auto", &[], Some(Depth::C16))]
    #[case::xterm("auto", &[("TERM", "xterm")], Some(Depth::C16))]
    #[case::xterm_256("auto", &[("TERM", "xterm-256color")], Some(Depth::C256))]
    #[case::truecolor("auto", &[("TERM", "xterm"), ("COLORTERM", "truecolor")], Some(Depth::Rgb))]
    #[case::twenty_four("auto", &[("TERM", "xterm"), ("COLORTERM", "24bit")], Some(Depth::Rgb))]
    #[case::other_colorterm("auto", &[("TERM", "xterm"), ("COLORTERM", "yes")], Some(Depth::C16))]
    #[case::tmux("auto", &[("TERM", "tmux")], Some(Depth::C256))]
    #[case::screen("auto", &[("TERM", "screen.xterm-new")], Some(Depth::C256))]
    #[case::tmux_rgb("auto", &[("TERM", "tmux-256color"), ("COLORTERM", "truecolor")], Some(Depth::Rgb))]
    #[case::no_color("auto", &[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Some(Depth::Mono))]
    #[case::no_color_empty("auto", &[("TERM", "xterm-256color"), ("NO_COLOR", "")], Some(Depth::C256))]
    #[case::no_color_wins("auto", &[("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Some(Depth::Mono))]
    #[case::flag_wins("256", &[("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Some(Depth::C256))]
    #[case::flag_mono("mono", &[("COLORTERM", "truecolor")], Some(Depth::Mono))]
    #[case::flag_16("16", &[("TERM", "xterm-256color")], Some(Depth::C16))]
    #[case::flag_rgb("rgb", &[("TERM", "linux")], Some(Depth::Rgb))]
    #[case::dumb("auto", &[("TERM", "dumb"), ("COLORTERM", "truecolor")], None)]
    #[case::dumb_stays_dumb("rgb", &[("TERM", "dumb")], None)]
    fn the_ladder(#[case] flag: ColorFlag, #[case] set: &[(&str, &str)], #[case] depth: Option<Depth>) {
        assert_eq!(color_depth(flag, env(set)), depth);
    }

    #[rstest]
    #[case::nothing_known(&[], Glyphs::Ascii)]
    #[case::utf8(&[("LANG", "de_DE.UTF-8")], Glyphs::Unicode)]
    #[case::utf8_short(&[("LANG", "C.utf8")], Glyphs::Unicode)]
    #[case::first_counts(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")], Glyphs::Ascii)]
    #[case::empty_does_not(&[("LC_ALL", ""), ("LC_CTYPE", "en_GB.UTF-8"), ("LANG", "C")], Glyphs::Unicode)]
    #[case::console(&[("LANG", "de_DE.UTF-8"), ("TERM", "linux")], Glyphs::Ascii)]
    fn characters(#[case] set: &[(&str, &str)], #[case] shown: Glyphs) {
        assert_eq!(glyphs(env(set)), shown);
    }

    #[test]
    fn flags_that_are_none() {
        assert!("truecolour".parse::<ColorFlag>().unwrap_err().to_string().contains("auto, rgb, 256, 16, mono"));
    }
}
