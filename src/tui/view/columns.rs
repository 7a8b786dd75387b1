//! Which columns the ward has room for. A function of the width and of what the ward's patients have, never of values:
//! a number's column never moves.

use super::{pen::width, scene::Scene};
use crate::{
    domain::vital,
    tui::{core::Shown, words},
};

/// Least and most columns of a name.
const NAME: (u16, u16) = (12, 26);
/// Least and most columns of the worst alert.
const ALERT: (u16, u16) = (21, 44);
/// Cells of a sparkline: least and most.
const SPARK: (u16, u16) = (6, 12);
/// The importance of the first pressure.
const PRESSURE_IMPORTANCE: u8 = 3;
/// What is looked at first, by [`importance`].
const IMPORTANCE_OF_CORE: u8 = 4;
/// How many vitals may have a sparkline.
const SPARKS_MAX: usize = 4;

/// One vital's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) shown: Shown,
    /// Columns of the value.
    pub(super) value: u16,
    /// Columns of its age or time.
    pub(super) note: u16,
    /// Cells of its sparkline; 0 for none.
    pub(super) spark: u16,
    /// Whether a pressure shows its mean.
    pub(super) mean: bool,
}

impl Column {
    const fn width(&self) -> u16 {
        let spark = if self.spark > 0 { self.spark + 1 } else { 0 };
        self.value + 1 + self.note + spark + 1
    }
}

/// The columns of the ward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) bed: u16,
    pub(super) name: u16,
    pub(super) vitals: Vec<Column>,
}

impl Columns {
    pub(super) fn new(scene: &Scene<'_>, room: u16) -> Self {
        let beds = scene.ward.patients.values().map(|p| width(words::bed_label(scene.ward, &p.bed)));
        let bed = beds.max().unwrap_or(2).clamp(3, 8);
        let mut left = room.saturating_sub(1 + bed + 1 + NAME.0 + 1 + ALERT.0);
        let has = |vital| scene.ward.patients.values().any(|p| p.vitals.contains_key(&vital));
        let shown = Shown::of(scene.ward, has);
        let mut ranked: Vec<(usize, Shown)> = shown.iter().copied().enumerate().collect();
        // A second pressure is a luxury: the first one that the ward has stands for both.
        let pressure = shown.iter().find(|s| matches!(s, Shown::Pressure(_))).copied();
        let rank = |one: Shown| if Some(one) == pressure { PRESSURE_IMPORTANCE } else { importance(one) };
        ranked.sort_by_key(|(at, shown)| (rank(*shown), *at));
        let mut chosen: Vec<(usize, Column)> = Vec::new();
        for (at, shown) in ranked {
            let column = plain(scene, shown);
            // Traces of what is looked at first come before the numbers of what is looked at last.
            let kept = if rank(shown) > IMPORTANCE_OF_CORE { kept_for_sparks(scene, &chosen) } else { 0 };
            if column.width() + kept <= left {
                left -= column.width();
                chosen.push((at, column));
            }
        }
        let kept = kept_for_sparks(scene, &chosen);
        for (_, column) in &mut chosen {
            if matches!(column.shown, Shown::Pressure(_)) && left >= kept + 6 {
                (column.mean, column.value) = (true, column.value + 6);
                left -= 6;
            }
        }
        left = add_sparks(scene, &mut chosen, left);
        chosen.sort_by_key(|(at, _)| *at);
        let name = NAME.0 + left.min(NAME.1 - NAME.0).min(longest_name(scene).saturating_sub(NAME.0));
        Self { bed, name, vitals: chosen.into_iter().map(|(_, column)| column).collect() }
    }
}

fn longest_name(scene: &Scene<'_>) -> u16 {
    scene.ward.patients.values().map(|p| width(p.patient.name.as_str())).max().unwrap_or(0)
}

/// Gives sparklines to the most important vitals that have one; returns what is left.
fn add_sparks(scene: &Scene<'_>, chosen: &mut [(usize, Column)], mut left: u16) -> u16 {
    let mut count = chosen.iter().filter(|(_, c)| !scene.is_episodic(c.shown.main())).count().min(SPARKS_MAX);
    // Fewer good ones are better than many that are too short to read.
    while count > 0 && left / u16::try_from(count).unwrap_or(1) < SPARK.0 + 1 {
        count -= 1;
    }
    let Some(each) = left.checked_div(u16::try_from(count).unwrap_or(0)) else { return left };
    // What is spent on traces beyond the least is taken half and half with names and alerts.
    let each = (SPARK.0 + 1 + each.saturating_sub(SPARK.0 + 1) / 2).min(SPARK.1 + 1);
    for (_, column) in chosen.iter_mut().filter(|(_, c)| !scene.is_episodic(c.shown.main())).take(count) {
        column.spark = each - 1;
        left -= each;
    }
    left
}

/// Room for the least sparklines of the vitals chosen so far.
fn kept_for_sparks(scene: &Scene<'_>, chosen: &[(usize, Column)]) -> u16 {
    let sparks = chosen
        .iter()
        .filter(|(_, c)| importance(c.shown) <= IMPORTANCE_OF_CORE && !scene.is_episodic(c.shown.main()))
        .count();
    u16::try_from(sparks).unwrap_or(0) * (SPARK.0 + 1)
}

/// Smaller is more important: what a nurse looks at first.
fn importance(shown: Shown) -> u8 {
    match shown {
        Shown::One(vital::HR) => 0,
        Shown::One(vital::SPO2) => 1,
        Shown::One(vital::RR) => 2,
        Shown::One(vital::TEMP) => 4,
        Shown::One(vital::CONSCIOUSNESS) => 5,
        Shown::One(vital::PULSE) => 7,
        Shown::Pressure(_) | Shown::One(_) => 6,
    }
}

fn plain(scene: &Scene<'_>, shown: Shown) -> Column {
    let info = scene.ward.info(shown.main());
    let decimals = info.map_or(0, |i| u16::from(i.decimals));
    let value = match shown {
        Shown::Pressure(_) => 7,
        Shown::One(_) if decimals > 0 => 4 + decimals,
        Shown::One(_) => 3,
    };
    // `99s` or `02:58`.
    let note = if scene.is_episodic(shown.main()) { 5 } else { 3 };
    let head = width(scene.label_of(shown)) + 1 + width(scene.unit_of(shown));
    let value = value.max(head.saturating_sub(1 + note));
    Column { shown, value, note, spark: 0, mean: false }
}
