//! What each role on the screen looks like: themes are files, roles are few, and no view names a colour.
//!
//! A theme gives each [`Role`] four levels, from true colour down to attributes alone; a [`Look`] is a theme at one
//! level, with the glyphs that the terminal can draw. `NO_COLOR` is the level [`Depth::Mono`]: it is chosen here and
//! never left to a terminal library, which would drop the attributes too. Pure; called by `view` and by who picks a look.

mod file;
mod glyphs;
mod role;

pub use file::ThemeError;
pub use glyphs::Glyphs;
pub use role::Role;

use ratatui::style::{Color, Style};

/// How many colours a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// 24 bits.
    Rgb,
    /// The palette of 256.
    C256,
    /// The palette of 16.
    C16,
    /// None, or none are wanted.
    Mono,
}

impl Depth {
    /// From rich to poor.
    pub const ALL: [Self; 4] = [Self::Rgb, Self::C256, Self::C16, Self::Mono];

    /// The name as theme files use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::C256 => "c256",
            Self::C16 => "c16",
            Self::Mono => "mono",
        }
    }
}

/// The look of each role at each level.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// By role, then by depth.
    styles: [[Style; 4]; Role::COUNT],
    background: Color,
}

const BUILTIN: [(&str, &str); 4] = [
    ("default-dark", include_str!("../../../themes/default-dark.toml")),
    ("default-light", include_str!("../../../themes/default-light.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

impl Theme {
    /// The names of the themes that come with the program; the first is the one used unless another is chosen.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// A theme that comes with the program.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        let (_, text) = BUILTIN.iter().find(|(known, _)| *known == name)?;
        Self::parse(text).ok()
    }

    /// Reads a theme file.
    ///
    /// # Errors
    /// If it is not TOML, names a role, level or key that does not exist, gives a colour that is none, inherits from a
    /// theme that does not exist, or leaves a role or level open.
    pub fn parse(text: &str) -> Result<Self, ThemeError> {
        file::parse(text)
    }

    /// The look of a role at a level.
    #[must_use]
    pub fn style(&self, role: Role, depth: Depth) -> Style {
        self.styles.get(role as usize).and_then(|levels| levels.get(depth as usize)).copied().unwrap_or_default()
    }

    /// The background that the terminal is taken to have. It is not painted.
    #[must_use]
    pub const fn background(&self) -> Color {
        self.background
    }

    /// The theme at one level.
    #[must_use]
    pub fn at(&self, depth: Depth, glyphs: Glyphs) -> Look {
        Look { styles: Role::ALL.map(|role| self.style(role, depth)), depth, glyphs }
    }
}

/// A theme at one level, with the glyphs that the terminal can draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    styles: [Style; Role::COUNT],
    /// The level.
    pub depth: Depth,
    /// The glyphs.
    pub glyphs: Glyphs,
}

impl Look {
    /// The look of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
