//! The page of the intake: who sends and what becomes of it, and the dead letters that wait for somebody.

use super::{
    act::{Act, Subject},
    app::{App, Page},
    command::{Asked, COMMAND_TIMEOUT},
    event::Effect,
    link::Phase,
    select::moved,
    sheet::Sheet,
};
use crate::{
    client::ClientRequest,
    domain::Millis,
    protocol::{IntakeReport, LetterQuery, LetterView, OPS_LETTERS_MAX, OpsReport},
    rights::Verb,
};
use std::collections::VecDeque;

/// The report is asked for anew after this long.
const REPORT_INTERVAL: Millis = Millis::from_secs(2);
/// Most letters that the page holds; for older ones there is the command line.
pub const LETTERS_HELD_MAX: usize = 200;

/// The page of the intake.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OpsPage {
    /// How the intake does, once it is known.
    pub report: Option<Box<OpsReport>>,
    /// When the report came.
    pub report_at: Option<Millis>,
    /// Dead letters that wait, the newest first.
    pub letters: Vec<LetterView>,
    /// Whether there are older ones.
    pub more: bool,
    /// Whether the letters were read at least once.
    pub read: bool,
    /// The number of the selected letter.
    pub selected: Option<u64>,
    /// Why something could not be had, for people.
    pub failed: Option<String>,
    /// Letters that are to be driven again one after the other, and how many they were.
    pub again: (VecDeque<u64>, usize),
    report_asked: Option<(u64, Millis)>,
    /// Whether its answer is not there yet.
    report_open: bool,
    letters_asked: Option<(u64, bool)>,
    /// How many waited when the letters were read last.
    open_when_read: Option<u64>,
    /// The letter that is being driven again, and what is known of those before it.
    retried: Option<(u64, IntakeReport)>,
}

impl OpsPage {
    /// The selected letter.
    #[must_use]
    pub fn letter(&self) -> Option<&LetterView> {
        self.letters.iter().find(|letter| Some(letter.no) == self.selected)
    }

    /// Takes out a letter that has ended, and with it all of the same message; selects the next one below.
    fn take_out(&mut self, no: u64) {
        let Some(ended) = self.letters.iter().find(|letter| letter.no == no).cloned() else { return };
        let at = self.letters.iter().position(|letter| Some(letter.no) == self.selected).unwrap_or(0);
        let same = |letter: &LetterView| {
            letter.no == no
                || (!letter.payload.is_empty() && letter.source == ended.source && letter.payload == ended.payload)
        };
        let next = self.letters.iter().skip(at).chain(self.letters.iter().take(at).rev()).find(|letter| !same(letter));
        self.selected = next.map(|letter| letter.no);
        self.letters.retain(|letter| !same(letter));
    }

    /// Lets letters be read again from the newest on.
    const fn read_again(&mut self) {
        self.open_when_read = None;
    }
}

impl App {
    pub(super) fn show_ops(&mut self) {
        if self.shows_alerts() && self.page != Page::Patient {
            self.came_from = self.page;
        }
        self.page = Page::Ops;
        self.ops.failed = None;
        self.ops.report_asked = None;
        self.ops.read_again();
    }

    /// Asks for what the page shows when it is due.
    pub(super) fn refresh_ops(&mut self, effects: &mut Vec<Effect>) {
        if self.page != Page::Ops || !matches!(self.link.phase, Phase::Up) || self.is_locked() {
            return;
        }
        let due = match self.ops.report_asked {
            None => true,
            // One that is open is waited for: a slow link is not asked again and again.
            Some((_, at)) if self.ops.report_open => self.now - at >= COMMAND_TIMEOUT,
            Some((_, at)) => self.now - at >= REPORT_INTERVAL,
        };
        if due && self.may(Verb::ReadStatus) {
            let id = self.commands.number();
            self.ops.report_asked = Some((id, self.now));
            self.ops.report_open = true;
            effects.push(Effect::Send(ClientRequest::Ops { id }));
        }
        let Some(open) = self.ops.report.as_ref().map(|report| report.letters_open) else { return };
        // Who has gone to older letters is not thrown back to the newest.
        let deep = self.ops.letters.len() > usize::try_from(OPS_LETTERS_MAX).unwrap_or(usize::MAX);
        let due = self.ops.open_when_read.is_none_or(|read| read != open && !deep);
        if due && self.ops.letters_asked.is_none() && self.may(Verb::TriageMessages) {
            self.ops.open_when_read = Some(open);
            self.ask_for_letters(None, effects);
        }
    }

    fn ask_for_letters(&mut self, before: Option<u64>, effects: &mut Vec<Effect>) {
        let id = self.commands.number();
        self.ops.letters_asked = Some((id, before.is_some()));
        let query = LetterQuery { before, ..LetterQuery::default() };
        effects.push(Effect::Send(ClientRequest::Letters { id, query }));
    }

    pub(super) fn move_letter(&mut self, by: isize) {
        let at = self.ops.letters.iter().position(|letter| Some(letter.no) == self.ops.selected);
        let to = moved(at, by, self.ops.letters.len());
        self.ops.selected = self.ops.letters.get(to).map(|letter| letter.no);
    }

    /// Asks for older letters once the last one that is held is reached.
    pub(super) fn read_older_letters(&mut self, effects: &mut Vec<Effect>) {
        let last = self.ops.letters.last().map(|letter| letter.no);
        let room = self.ops.letters.len() < LETTERS_HELD_MAX;
        if self.ops.more && room && last == self.ops.selected && self.ops.letters_asked.is_none() {
            self.ask_for_letters(last, effects);
        }
    }

    /// What the session may see has changed: everything is asked for anew.
    pub(super) fn forget_ops(&mut self) {
        self.ops = OpsPage::default();
    }

    pub(super) fn ops_told(&mut self, id: u64, report: Box<OpsReport>) {
        if self.ops.report_asked.is_some_and(|(asked, _)| asked == id) {
            self.ops.report_open = false;
            self.ops.report = Some(report);
            self.ops.report_at = Some(self.now);
            self.ops.failed = None;
        }
    }

    pub(super) fn letters_told(&mut self, id: u64, letters: Vec<LetterView>, more: bool) {
        let Some((_, older)) = self.ops.letters_asked.take_if(|(asked, _)| *asked == id) else { return };
        let page = &mut self.ops;
        page.read = true;
        page.more = more;
        if older {
            page.letters.extend(letters);
            page.letters.truncate(LETTERS_HELD_MAX);
        } else {
            page.letters = letters;
        }
        if page.letter().is_none() {
            page.selected = page.letters.first().map(|letter| letter.no);
        }
    }

    /// Notes that something of the page could not be had; says whether it was that.
    pub(super) fn ops_failed(&mut self, id: u64, why: &str) -> bool {
        let report = self.ops.report_asked.is_some_and(|(asked, _)| asked == id);
        let letters = self.ops.letters_asked.take_if(|(asked, _)| *asked == id).is_some();
        if report {
            self.ops.report_open = false;
        }
        if letters {
            // With the next report they are asked for again.
            self.ops.read_again();
        }
        if report || letters {
            self.ops.failed = Some(why.to_owned());
        }
        report || letters
    }

    /// The link is cut: what was asked for does not come any more.
    pub(super) fn ops_lost(&mut self) {
        self.ops.report_asked = None;
        self.ops.letters_asked = None;
        self.ops.again = (VecDeque::new(), 0);
        self.ops.read_again();
    }

    /// Letters of the page with the sender and the reason of the selected one, the oldest first: one fault of a mapping or
    /// an assignment makes many of a kind. Each message is driven again once, with all its letters.
    #[must_use]
    pub fn letters_of_a_kind(&self, like: &LetterView) -> Vec<u64> {
        let mut seen = std::collections::BTreeSet::new();
        let same = |letter: &&LetterView| letter.source == like.source && letter.code == like.code;
        let once = |letter: &&LetterView| letter.payload.is_empty() || seen.insert(letter.payload.clone());
        self.ops.letters.iter().rev().filter(same).filter(once).map(|letter| letter.no).collect()
    }

    /// Why nothing can be done with a letter now.
    pub(super) fn why_not_letter(&self, letter: &LetterView) -> Option<&'static str> {
        if !self.ops.again.0.is_empty() {
            return Some("others are being tried again");
        }
        let waits = self.ops.letters.iter().any(|held| held.no == letter.no);
        (!waits).then_some("somebody has dealt with it")
    }

    /// Sends what a sheet about a letter asks for.
    pub(super) fn send_letter(&mut self, sheet: &Sheet, letter: &LetterView, effects: &mut Vec<Effect>) {
        let no = letter.no;
        match sheet.act {
            Act::RetryLetter => self.retry_letters([no].into(), effects),
            Act::RetryLetters => self.retry_letters(self.letters_of_a_kind(letter).into(), effects),
            _ => {
                let Some(reason) = sheet.words() else { return };
                let asked = Asked::ward(&format!("dead letter {no}"), "is dropped".to_owned(), self.now).letter(no);
                let id = self.commands.begin(asked);
                effects.push(Effect::Send(ClientRequest::DropLetter { id, no, reason }));
            }
        }
    }

    fn retry_letters(&mut self, numbers: VecDeque<u64>, effects: &mut Vec<Effect>) {
        let count = numbers.len();
        self.ops.again = (numbers, count);
        self.ops.retried = Some((0, IntakeReport::default()));
        self.retry_next(effects);
    }

    fn retry_next(&mut self, effects: &mut Vec<Effect>) {
        let Some(no) = self.ops.again.0.front().copied() else { return };
        let asked = Asked::ward(&format!("dead letter {no}"), "was tried again".to_owned(), self.now).letter(no);
        let id = self.commands.begin(asked);
        effects.push(Effect::Send(ClientRequest::RetryLetter { id, no }));
    }

    /// A letter was driven again: on with the next, or what became of all.
    pub(super) fn letter_retried(&mut self, id: u64, report: &IntakeReport, effects: &mut Vec<Effect>) {
        let Some(no) = self.commands.end(id).and_then(|asked| asked.of_letter()) else { return };
        self.ops.take_out(no);
        self.ops.again.0.retain(|waiting| *waiting != no);
        let (done, sum) = self.ops.retried.get_or_insert_default();
        *done += 1;
        sum.accepted += report.accepted;
        sum.duplicate += report.duplicate;
        sum.rejected += report.rejected;
        report.rejections.iter().take(1).for_each(|why| sum.rejections = vec![why.clone()]);
        if !self.ops.again.0.is_empty() {
            self.retry_next(effects);
            return;
        }
        let (done, sum) = self.ops.retried.take().unwrap_or_default();
        self.ops.read_again();
        let what = if done == 1 { format!("dead letter {no}") } else { format!("{done} dead letters") };
        let IntakeReport { accepted, duplicate, rejected, rejections, .. } = sum;
        let text = format!("{what} tried again: {accepted} taken, {duplicate} known, {rejected} refused");
        match rejections.first() {
            Some(why) => self.fail(format!("{text}: {}", why.detail)),
            None => self.say(text),
        }
    }

    /// Something about a letter was not done: those behind it are not tried.
    pub(super) fn letter_failed(&mut self, no: u64) {
        let left = self.ops.again.0.len();
        if self.ops.again.0.front() == Some(&no) && left > 0 {
            self.ops.again = (VecDeque::new(), 0);
            self.ops.retried = None;
        }
        self.ops.read_again();
    }

    /// A letter was dropped.
    pub(super) fn letter_dropped(&mut self, no: u64) {
        self.ops.take_out(no);
        self.ops.read_again();
    }

    /// What an act about a letter would be about.
    pub(super) fn letter_subject(&self) -> Option<Subject> {
        self.ops.letter().map(|letter| Subject::Letter(Box::new(letter.clone())))
    }
}
