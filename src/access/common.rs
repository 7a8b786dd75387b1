//! What everybody tries first: passphrases that are made of a few common words, walks over the keyboard, and numbers.
//!
//! Two rules. One knows the words of the field and its software: with [`PARTS_MAX`] parts and any digits and signs between
//! and around them, they stand for more than two million passphrases before digits are counted. The other counts the guesses
//! of somebody who knows what people choose: the 94,000 passwords, words and names of `zxcvbn`, in any case and with signs for
//! letters, what is repeated, walks over keyboards, dates.

use std::collections::BTreeSet;

/// Most words of which a passphrase is still thought to be common, if it is made of nothing else.
pub const PARTS_MAX: usize = 3;

/// Fewest guesses that a passphrase has to withstand which is the only factor: at seven a second and core, 45 years.
pub const GUESSES_MIN: u64 = 10_000_000_000;
/// Fewest guesses beside a second factor: that is kept by eight random letters.
pub const GUESSES_MIN_WITH_FACTOR: u64 = 100_000_000;

/// How many guesses find a passphrase for whoever knows what people choose, and the names of whom and what it is for.
pub(super) fn guesses(passphrase: &str, context: &[&str]) -> u64 {
    zxcvbn::zxcvbn(passphrase, context).guesses()
}

/// Words that are in what people choose most, of the field and its software too.
const WORDS: &str = "password passwort passphrase passw0rd pass word secret secure security admin administrator root user \
    login letmein welcome willkommen hello hallo master monkey dragon football baseball basketball soccer hockey \
    superman batman starwars pokemon minecraft princess sunshine shadow iloveyou love lovely flower freedom whatever \
    trustno1 access changeme default guest test testing temp temporary nothing computer internet server system \
    michael jennifer thomas jessica daniel jordan ashley charlie andrew michelle joshua maggie buster summer sommer \
    winter spring autumn herbst january february march april may june july august september october november december \
    monday tuesday wednesday thursday friday saturday sunday london berlin paris liverpool chelsea arsenal barcelona \
    ferrari mercedes porsche yamaha corvette mustang harley ranger hunter killer pepper ginger cookie banana cheese \
    chocolate orange purple silver golden diamond angel angels forever family mother father baby blessed jesus christ \
    qwerty qwertyuiop qwertz asdf asdfgh asdfghjkl zxcvbnm azerty qazwsx wsxedc 1q2w3e4r 1qaz2wsx q1w2e3r4 abc abcd \
    abcdef abcdefgh abc123 aaa bbb xyz \
    hospital klinik krankenhaus clinic health healthcare medical medicine patient patients nurse nurses nursing doctor \
    doctors physician surgeon surgery emergency intensive care icu ward wards station monitor monitoring alarm alarms \
    bed vitals heart wardwatch watch watcher charge shift night day team staff this is my the our your a i am the and \
    please new old good very number one two three";

/// How many words there are.
#[must_use]
pub fn word_count() -> usize {
    words().len()
}

fn words() -> BTreeSet<&'static str> {
    WORDS.split_whitespace().collect()
}

/// Whether a passphrase is made of nothing but a few common words, the names of whom and what it is for, and digits and
/// signs; or of one run of letters that stand side by side.
#[must_use]
pub(super) fn is_common(passphrase: &str, context: &[&str]) -> bool {
    let lower = passphrase.to_lowercase();
    is_made_of(&lower, context) || is_made_of(&plain_letters(&lower), context) || is_a_run(&lower)
}

/// Digits and signs that stand for letters, as letters.
fn plain_letters(text: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

fn is_made_of(text: &str, context: &[&str]) -> bool {
    let mut known = words();
    let context: Vec<String> = context.iter().map(|word| word.to_lowercase()).collect();
    known.extend(context.iter().map(String::as_str).filter(|word| !word.is_empty()));
    // Fewest words by which each place can be reached; what is no letter costs nothing.
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let mut best = vec![usize::MAX; text.len() + 1];
    if let Some(start) = best.first_mut() {
        *start = 0;
    }
    for (at, letter) in letters {
        let Some(cost) = best.get(at).copied().filter(|cost| *cost <= PARTS_MAX) else { continue };
        let rest = text.get(at..).unwrap_or_default();
        let ends = known.iter().filter(|word| rest.starts_with(**word)).map(|word| (at + word.len(), cost + 1));
        let passed = (letter.is_ascii() && !letter.is_ascii_alphabetic()).then_some((at + letter.len_utf8(), cost));
        for (end, cost) in ends.chain(passed) {
            if let Some(place) = best.get_mut(end) {
                *place = cost.min(*place);
            }
        }
    }
    best.last().is_some_and(|cost| *cost <= PARTS_MAX)
}

/// Whether each character is the neighbour of the one before, in the alphabet, among the digits or on a keyboard, or the
/// same, but for a few.
fn is_a_run(text: &str) -> bool {
    const ROWS: [&str; 4] = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];
    let on_a_row = |a: char, b: char| {
        ROWS.iter().any(|row| {
            let places = (row.find(a), row.find(b));
            matches!(places, (Some(a), Some(b)) if a.abs_diff(b) <= 1)
        })
    };
    let chars: Vec<char> = text.chars().collect();
    let pairs = chars.windows(2).filter_map(|pair| match pair {
        [a, b] => Some(u32::from(*a).abs_diff(u32::from(*b)) <= 1 || on_a_row(*a, *b)),
        _ => None,
    });
    let (all, near) = pairs.fold((0_usize, 0_usize), |(all, near), so| (all + 1, near + usize::from(so)));
    all > 0 && near * 4 >= all * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p03_what_everybody_tries_is_common_and_a_sentence_of_ones_own_is_not() {
        for common in [
            "password",
            "Password2024!!",
            "passwordpassword",
            "P@ssw0rdP@ssw0rd",
            "Welcome to hospital 1".replace("to ", "").as_str(),
            "qwertyuiopasdfgh",
            "1234567890123456",
            "abcdefghijklmnop",
            "wardwatch-nurse-2026",
            "Summer.Winter.2025",
            "anna.meyer.nurse",
            "St. Mary's 2026!",
        ] {
            assert!(is_common(common, &["anna", "meyer", "st. mary's"]), "{common}");
        }
        for own in [
            "correct horse battery staple",
            "correct horse battery",
            "seven geese crossed the frozen canal",
            "🐴🔋📎🐎🧲🐴🔋📎🐎🧲🐴🔋📎🐎🧲",
            "another long passphrase",
            "Zwölf Boxkämpfer jagen Viktor",
            "mgTq7-vBzz2-0pWk1",
        ] {
            assert!(!is_common(own, &["anna", "meyer"]), "{own}");
        }
        let words = word_count();
        assert!(words >= 200 && words.pow(3) >= 2_000_000, "{words} words");
    }
}
