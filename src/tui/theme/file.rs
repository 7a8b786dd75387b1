//! Theme files.

use super::{BUILTIN, Depth, Role, Theme};
use ratatui::style::{Color, Modifier, Style};
use toml::{Table, Value};

/// Why a text is not a theme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// Not TOML.
    #[error("the theme is not TOML: {0}")]
    Syntax(String),
    /// A key that has no meaning.
    #[error("{at} has the key {key:?}, which means nothing there: {wanted} is wanted")]
    UnknownKey {
        /// Where.
        at: String,
        /// The key.
        key: String,
        /// What may stand there.
        wanted: &'static str,
    },
    /// A role that does not exist.
    #[error("there is no role {0:?}")]
    UnknownRole(String),
    /// A value of the wrong kind.
    #[error("{at}: {key} = {value} is not {wanted}")]
    Value {
        /// Where.
        at: String,
        /// The key.
        key: String,
        /// The value as written.
        value: String,
        /// What may stand there.
        wanted: &'static str,
    },
    /// The theme inherits from one that does not come with the program.
    #[error("there is no theme {0:?} to inherit from")]
    Parent(String),
    /// Nothing is said of a role at a level.
    #[error("the role {role:?} lacks the level {level}")]
    Missing {
        /// The role.
        role: &'static str,
        /// The level.
        level: &'static str,
    },
    /// Neither the theme nor what it inherits says on which background it is read.
    #[error("the theme lacks its background, such as background = \"#000000\"")]
    Background,
}

const NAMES16: [(&str, Color); 17] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

const ATTRIBUTES: [(&str, Modifier); 6] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
    ("struck", Modifier::CROSSED_OUT),
];

pub(super) fn parse(text: &str) -> Result<Theme, ThemeError> {
    let table: Table = text.parse().map_err(|e: toml::de::Error| ThemeError::Syntax(e.to_string().trim().into()))?;
    let mut styles = [[None; 4]; Role::COUNT];
    let mut background = None;
    if let Some(parent) = table.get("inherits") {
        let parent = inherited(parent)?;
        styles = parent.styles.map(|levels| levels.map(Some));
        background = Some(parent.background);
    }
    for (key, value) in &table {
        match key.as_str() {
            "inherits" => {}
            "background" => background = Some(colour("the theme", key, value, Depth::Rgb)?),
            "role" => read_roles(of_table("the theme", key, value)?, &mut styles)?,
            _ => return Err(unknown("the theme", key, "inherits, background or role")),
        }
    }
    let mut whole = [[Style::new(); 4]; Role::COUNT];
    for ((to, from), role) in whole.iter_mut().zip(styles).zip(Role::ALL) {
        for ((to, from), depth) in to.iter_mut().zip(from).zip(Depth::ALL) {
            *to = from.ok_or(ThemeError::Missing { role: role.name(), level: depth.as_str() })?;
        }
    }
    Ok(Theme { styles: whole, background: background.ok_or(ThemeError::Background)? })
}

/// Only themes of the program can be inherited from, and those inherit from none: there are no circles.
fn inherited(parent: &Value) -> Result<Theme, ThemeError> {
    let name = parent.as_str().unwrap_or_default();
    let found = BUILTIN.iter().find(|(known, _)| *known == name);
    found.map_or_else(|| Err(ThemeError::Parent(name.to_owned())), |(_, text)| parse(text))
}

fn read_roles(roles: &Table, styles: &mut [[Option<Style>; 4]; Role::COUNT]) -> Result<(), ThemeError> {
    for (name, levels) in roles {
        let role = Role::named(name).ok_or_else(|| ThemeError::UnknownRole(name.clone()))?;
        let at = format!("the role {name:?}");
        for (level, look) in of_table(&at, name, levels)? {
            let depth = Depth::ALL
                .into_iter()
                .find(|d| d.as_str() == level)
                .ok_or_else(|| unknown(&at, level, "rgb, c256, c16 or mono"))?;
            let at = format!("the role {name:?} at {level}");
            let style = style(&at, of_table(&at, level, look)?, depth)?;
            if let Some(held) = styles.get_mut(role as usize).and_then(|levels| levels.get_mut(depth as usize)) {
                *held = Some(style);
            }
        }
    }
    Ok(())
}

fn style(at: &str, look: &Table, depth: Depth) -> Result<Style, ThemeError> {
    let mut style = Style::new();
    for (key, value) in look {
        let attribute = ATTRIBUTES.iter().find(|(name, _)| name == key);
        match (key.as_str(), attribute) {
            ("fg" | "bg", _) if depth == Depth::Mono => {
                return Err(unknown(at, key, "bold, dim, italic, underline, reverse or struck"));
            }
            ("fg", _) => style = style.fg(colour(at, key, value, depth)?),
            ("bg", _) => style = style.bg(colour(at, key, value, depth)?),
            (_, Some((_, modifier))) => match value.as_bool() {
                Some(true) => style = style.add_modifier(*modifier),
                Some(false) => {}
                None => return Err(wrong(at, key, value, "true or false")),
            },
            _ => return Err(unknown(at, key, "fg, bg, bold, dim, italic, underline, reverse or struck")),
        }
    }
    Ok(style)
}

fn colour(at: &str, key: &str, value: &Value, depth: Depth) -> Result<Color, ThemeError> {
    match depth {
        Depth::Rgb => value.as_str().and_then(rgb).ok_or_else(|| wrong(at, key, value, "a colour such as \"#a00000\"")),
        Depth::C256 => value
            .as_integer()
            .and_then(|n| u8::try_from(n).ok())
            .map(Color::Indexed)
            .ok_or_else(|| wrong(at, key, value, "a number from 0 to 255")),
        Depth::C16 | Depth::Mono => value
            .as_str()
            .and_then(|name| NAMES16.iter().find(|(known, _)| *known == name))
            .map(|(_, colour)| *colour)
            .ok_or_else(|| wrong(at, key, value, "the name of one of the 16 colours, such as \"bright-red\"")),
    }
}

fn rgb(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok().map(Color::from_u32)
}

fn of_table<'a>(at: &str, key: &str, value: &'a Value) -> Result<&'a Table, ThemeError> {
    value.as_table().ok_or_else(|| wrong(at, key, value, "a table"))
}

fn unknown(at: &str, key: &str, wanted: &'static str) -> ThemeError {
    ThemeError::UnknownKey { at: at.to_owned(), key: key.to_owned(), wanted }
}

fn wrong(at: &str, key: &str, value: &Value, wanted: &'static str) -> ThemeError {
    ThemeError::Value { at: at.to_owned(), key: key.to_owned(), value: value.to_string(), wanted }
}
