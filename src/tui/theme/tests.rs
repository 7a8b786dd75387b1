//! Themes say enough at every level, and can be read.

use super::*;
use ratatui::style::Modifier;

fn all() -> impl Iterator<Item = (&'static str, Theme)> {
    BUILTIN.iter().map(|(name, text)| (*name, Theme::parse(text).unwrap_or_else(|e| panic!("{name}: {e}"))))
}

/// Roles that must never be taken for one another, with or without colour.
const APART: [Role; 7] =
    [Role::Text, Role::AlarmHigh, Role::AlarmMedium, Role::AlarmLow, Role::Technical, Role::Acknowledged, Role::Stale];

/// Roles that are lines and not letters.
const LINES: [Role; 4] = [Role::Rule, Role::RuleFocus, Role::Limit, Role::Gap];

#[test]
fn every_theme_that_comes_along_can_be_read() {
    assert_eq!(all().map(|(name, _)| name).collect::<Vec<_>>(), Theme::names().collect::<Vec<_>>());
    assert!(Theme::names().all(|name| Theme::builtin(name).is_some()));
    assert_eq!(Theme::builtin("pink"), None);
}

#[test]
fn what_must_be_told_apart_is_apart_at_every_level() {
    for (name, theme) in all() {
        for depth in Depth::ALL {
            for (at, one) in APART.into_iter().enumerate() {
                for other in APART.into_iter().skip(at + 1) {
                    let (a, b) = (theme.style(one, depth), theme.style(other, depth));
                    assert_ne!(a, b, "{name}: {one:?} and {other:?} at {depth:?}");
                }
            }
        }
    }
}

#[test]
fn without_colours_there_are_none() {
    for (name, theme) in all() {
        for role in Role::ALL {
            let style = theme.style(role, Depth::Mono);
            assert_eq!((style.fg, style.bg), (None, None), "{name}: {role:?}");
        }
        let high = theme.style(Role::AlarmHigh, Depth::Mono);
        assert!(high.add_modifier.contains(Modifier::REVERSED | Modifier::BOLD), "{name}");
        assert!(theme.style(Role::Stale, Depth::Mono).add_modifier.contains(Modifier::CROSSED_OUT), "{name}");
    }
}

/// Relative luminance (WCAG 2.2).
fn luminance(colour: Color) -> f64 {
    let Color::Rgb(r, g, b) = colour else { panic!("{colour:?} is not of the level rgb") };
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

fn contrast(theme: &Theme, role: Role) -> f64 {
    let style = theme.style(role, Depth::Rgb);
    let fg = luminance(style.fg.unwrap_or_else(|| panic!("{role:?} has no colour")));
    let bg = luminance(style.bg.unwrap_or(theme.background()));
    (fg.max(bg) + 0.05) / (fg.min(bg) + 0.05)
}

#[test]
fn contrast_is_enough() {
    for (name, theme) in all().filter(|(name, _)| *name != "mono") {
        for role in Role::ALL {
            let alarm = matches!(role, Role::AlarmHigh | Role::AlarmMedium | Role::AlarmLow | Role::HeaderAlarm);
            let wanted = match (alarm, LINES.contains(&role)) {
                (true, _) => 7.0,
                (_, true) => 1.5,
                _ if name == "high-contrast" => 7.0,
                _ => 4.5,
            };
            let is = contrast(&theme, role);
            assert!(is >= wanted, "{name}: {} has {is:.1}:1 and not {wanted}:1", role.name());
        }
    }
}

#[test]
fn a_theme_may_change_a_part_of_another() {
    let text = "inherits = \"default-light\"\n[role.text]\nc16 = { fg = \"red\" }";
    let theme = Theme::parse(text).unwrap();
    let parent = Theme::builtin("default-light").unwrap();
    assert_eq!(theme.style(Role::Text, Depth::C16), Style::new().fg(Color::Red));
    assert_eq!(theme.style(Role::Text, Depth::Rgb), parent.style(Role::Text, Depth::Rgb));
    assert_eq!(theme.background(), parent.background());
    assert_eq!(theme.at(Depth::C16, Glyphs::Ascii).style(Role::Text), Style::new().fg(Color::Red));
}

#[test]
fn what_is_wrong_with_a_theme_is_told() {
    let said = |text: &str| Theme::parse(&format!("inherits = \"mono\"\n{text}")).unwrap_err().to_string();
    let told = [
        Theme::parse("inherits = \"pink\"").unwrap_err().to_string(),
        Theme::parse("background = \"#000000\"").unwrap_err().to_string(),
        said("colour = 1"),
        said("background = \"black\""),
        said("[role.loud]\nrgb = {}"),
        said("[role.text]\ntrue = {}"),
        said("[role.text]\nrgb = { fg = \"#12\" }"),
        said("[role.text]\nrgb = { fg = \"#+12345\" }"),
        said("[role.text]\nc256 = { bg = 256 }"),
        said("[role.\"alarm.high\"]\nc16 = { fg = \"pink\" }"),
        said("[role.\"alarm.high\"]\nmono = { blink = true }"),
        said("[role.\"alarm.high\"]\nmono = { fg = \"red\" }"),
        said("[role.text]\nmono = { bold = 1 }"),
        said("role = 1"),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_list_of_themes_and_roles() {
    let themes: Vec<&str> = Theme::names().collect();
    let roles: Vec<String> = Role::ALL.iter().map(|r| format!("{:<14} {}", r.name(), r.what())).collect();
    insta::assert_snapshot!(format!("themes: {}\n\n{}", themes.join(", "), roles.join("\n")));
}
