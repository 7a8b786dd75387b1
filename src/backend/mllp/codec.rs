//! Frames of MLLP: `<VT> message <FS> <CR>`, found again after whatever else comes.

/// Begins a frame.
pub const VT: u8 = 0x0b;
/// Ends a frame, with [`CR`] behind it.
pub const FS: u8 = 0x1c;
/// Ends a line.
pub const CR: u8 = 0x0d;
/// How a message begins, framed or not.
const BEGIN: &[u8] = b"MSH";

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The bytes of a message.
    Message(Vec<u8>),
    /// The begin of a message that is longer than is taken; the rest is passed over.
    TooLong(Vec<u8>),
    /// The begin of a frame that did not end before the next one began, or the connection ended.
    Broken(Vec<u8>),
    /// A message without a frame that stopped within a line.
    CutOff(Vec<u8>),
    /// What came after the silence that ended a message without a frame, and begins none.
    Rest(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is begun. What comes is noise, until a frame or a message begins.
    Between,
    /// Within a frame.
    Framed,
    /// Within a message that came without a frame.
    Bare,
    /// Within a message that is too long.
    Skipping,
}

/// Divides a stream of bytes.
#[derive(Debug)]
pub struct Codec {
    state: State,
    held: Vec<u8>,
    max_bytes: usize,
    noise: usize,
    /// What may be the rest of a message that a silence ended; `None` if there was none.
    rest: Option<Vec<u8>>,
}

impl Codec {
    /// A codec for messages of at most `max_bytes`.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self { state: State::Between, held: Vec::new(), max_bytes, noise: 0, rest: None }
    }

    /// Takes bytes, and gives what they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut found = Vec::new();
        bytes.iter().for_each(|byte| self.take(*byte, &mut found));
        found
    }

    /// Nothing comes for now: a message without a frame is whole if its last line is.
    pub fn quiet(&mut self) -> Option<Piece> {
        if self.state != State::Bare {
            return self.take_rest();
        }
        let piece = self.end_of_bare(State::Between);
        self.rest = Some(Vec::new());
        Some(piece)
    }

    /// Nothing comes any more: a message without a frame is whole if its last line is, as after a silence.
    pub fn finish(&mut self) -> Option<Piece> {
        match self.state {
            State::Bare => Some(self.end_of_bare(State::Between)),
            State::Framed if !self.held.is_empty() => Some(self.end(State::Between, Piece::Broken)),
            State::Between | State::Framed | State::Skipping => self.take_rest(),
        }
    }

    /// Whether a message without a frame is on its way, or the rest of one: a silence ends it.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.state == State::Bare || self.rest.as_ref().is_some_and(|rest| !rest.is_empty())
    }

    /// The rest of a message that a silence ended, if anything came that is more than ends of lines.
    fn take_rest(&mut self) -> Option<Piece> {
        let rest = self.rest.as_mut().map(std::mem::take)?;
        let says = rest.iter().any(|byte| !matches!(*byte, CR | b'\n' | FS));
        says.then_some(Piece::Rest(rest))
    }

    fn end_of_bare(&mut self, next: State) -> Piece {
        let whole = matches!(self.held.last(), Some(&CR | &b'\n'));
        self.end(next, if whole { Piece::Message } else { Piece::CutOff })
    }

    /// Whether a frame is on its way.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        matches!(self.state, State::Framed | State::Skipping)
    }

    /// Bytes since the last message that belonged to none.
    #[must_use]
    pub const fn noise(&self) -> usize {
        self.noise
    }

    fn end(&mut self, next: State, piece: fn(Vec<u8>) -> Piece) -> Piece {
        self.state = next;
        self.noise = 0;
        piece(std::mem::take(&mut self.held))
    }

    fn take(&mut self, byte: u8, found: &mut Vec<Piece>) {
        match (self.state, byte) {
            (State::Framed | State::Bare, FS) => found.push(self.end(State::Between, Piece::Message)),
            (State::Framed, VT) if self.held.is_empty() => {}
            (State::Framed, VT) => found.push(self.end(State::Framed, Piece::Broken)),
            (State::Bare, VT) => found.push(self.end_of_bare(State::Framed)),
            (State::Framed | State::Bare, _) => self.hold(byte, found),
            (State::Between | State::Skipping, VT) => {
                found.extend(self.take_rest());
                self.rest = None;
                self.held.clear();
                self.state = State::Framed;
            }
            (State::Skipping, FS) => self.state = State::Between,
            (State::Skipping, _) => {}
            (State::Between, _) => self.look_for_begin(byte, found),
        }
    }

    fn hold(&mut self, byte: u8, found: &mut Vec<Piece>) {
        self.held.push(byte);
        // The next message on a connection without frames begins a line.
        if self.state == State::Bare
            && let Some(before) = self.held.strip_suffix(BEGIN)
            && before.ends_with(b"\r") | before.ends_with(b"\n")
        {
            found.push(Piece::Message(before.to_vec()));
            self.held = BEGIN.to_vec();
        }
        if self.held.len() > self.max_bytes {
            found.push(self.end(State::Skipping, Piece::TooLong));
        }
    }

    /// Between messages a line that begins as one does is one; `held` is the begin of the line as far as it fits.
    fn look_for_begin(&mut self, byte: u8, found: &mut Vec<Piece>) {
        let line_ends = matches!(byte, CR | b'\n' | FS);
        self.noise += usize::from(!line_ends);
        if let Some(rest) = self.rest.as_mut().filter(|rest| rest.len() < self.max_bytes) {
            rest.push(byte);
        }
        if line_ends {
            self.held.clear();
        } else if self.held.len() <= BEGIN.len() {
            self.held.push(byte);
            if self.held == BEGIN {
                if let Some(rest) = &mut self.rest {
                    rest.truncate(rest.len().saturating_sub(BEGIN.len()));
                }
                found.extend(self.take_rest());
                self.rest = None;
                self.state = State::Bare;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const MAX: usize = 64;

    fn message(n: u8) -> Vec<u8> {
        format!("MSH|^~\\&|{n}\rPID|1\r").into_bytes()
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&[VT], message, &[FS, CR]].concat()
    }

    fn all(stream: &[u8]) -> Vec<Piece> {
        let mut codec = Codec::new(MAX);
        let mut found = codec.push(stream);
        found.extend(codec.finish());
        found
    }

    /// What is found in parts with a silence after each.
    fn with_silences(parts: &[&[u8]]) -> Vec<Piece> {
        let mut codec = Codec::new(MAX);
        let mut found = Vec::new();
        for part in parts {
            found.extend(codec.push(part));
            found.extend(codec.quiet());
        }
        found.extend(codec.finish());
        found
    }

    #[rstest]
    #[case::whole(&[&message(1)[..]], vec![Piece::Message(message(1))])]
    #[case::two(&[&[message(1), message(2)].concat()[..]], vec![Piece::Message(message(1)), Piece::Message(message(2))])]
    #[case::within_a_number(&[&b"MSH|a\rOBX|12"[..], b"0\r"], vec![Piece::CutOff(b"MSH|a\rOBX|12".to_vec()), Piece::Rest(b"0\r".to_vec())])]
    #[case::between_rows(&[&b"MSH|a\r"[..], b"OBX|9\r"], vec![Piece::Message(b"MSH|a\r".to_vec()), Piece::Rest(b"OBX|9\r".to_vec())])]
    #[case::rest_then_message(&[&b"MSH|a\r"[..], &[b"OBX|9\r", &message(2)[..]].concat()], vec![Piece::Message(b"MSH|a\r".to_vec()), Piece::Rest(b"OBX|9\r".to_vec()), Piece::Message(message(2))])]
    #[case::rest_then_frame(&[&b"MSH|a\r"[..], &[b"OBX|9\r", &framed(&message(2))[..]].concat()], vec![Piece::Message(b"MSH|a\r".to_vec()), Piece::Rest(b"OBX|9\r".to_vec()), Piece::Message(message(2))])]
    #[case::ends_of_lines_are_no_rest(&[&message(1)[..], b"\r\n"], vec![Piece::Message(message(1))])]
    fn without_a_frame_a_whole_line_and_a_silence_end_a_message(#[case] parts: &[&[u8]], #[case] expected: Vec<Piece>) {
        assert_eq!(with_silences(parts), expected);
    }

    #[test]
    fn the_rest_of_a_message_is_bounded() {
        let long = vec![b'x'; 10 * MAX];
        let found = with_silences(&[&message(1), &long]);
        assert_eq!(found, [Piece::Message(message(1)), Piece::Rest(long[..MAX].to_vec())]);
    }

    #[rstest]
    #[case::one(framed(&message(1)), vec![Piece::Message(message(1))])]
    #[case::two_at_once([framed(&message(1)), framed(&message(2))].concat(), vec![Piece::Message(message(1)), Piece::Message(message(2))])]
    #[case::noise_before([b"\r\n\0\0junk\n".to_vec(), framed(&message(1))].concat(), vec![Piece::Message(message(1))])]
    #[case::no_cr_behind([&[VT], &message(1)[..], &[FS, VT], &message(2)[..], &[FS]].concat(), vec![Piece::Message(message(1)), Piece::Message(message(2))])]
    #[case::broken_off([&[VT], &b"MSH|half"[..], &framed(&message(2))].concat(), vec![Piece::Broken(b"MSH|half".to_vec()), Piece::Message(message(2))])]
    #[case::never_ended([&[VT], &b"MSH|half"[..]].concat(), vec![Piece::Broken(b"MSH|half".to_vec())])]
    #[case::bare_ends_with_the_connection(message(1), vec![Piece::Message(message(1))])]
    #[case::bare_cut_by_the_connection(b"MSH|a\rOBX|12".to_vec(), vec![Piece::CutOff(b"MSH|a\rOBX|12".to_vec())])]
    #[case::bare_two([message(1), message(2)].concat(), vec![Piece::Message(message(1)), Piece::Message(message(2))])]
    #[case::bare_half_then_framed([b"MSH|half".to_vec(), framed(&message(2))].concat(), vec![Piece::CutOff(b"MSH|half".to_vec()), Piece::Message(message(2))])]
    #[case::bare_then_framed([message(1), framed(&message(2))].concat(), vec![Piece::Message(message(1)), Piece::Message(message(2))])]
    #[case::probe(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), vec![])]
    #[case::not_at_the_begin_of_a_line(b"x MSH|".to_vec(), vec![])]
    fn messages_are_found(#[case] stream: Vec<u8>, #[case] expected: Vec<Piece>) {
        assert_eq!(all(&stream), expected);
    }

    #[test]
    fn what_is_too_long_is_passed_over_and_the_next_is_found() {
        let long = [b"MSH|".to_vec(), vec![b'x'; 10 * MAX]].concat();
        let found = all(&[framed(&long), framed(&message(2))].concat());
        assert_eq!(found, [Piece::TooLong(long[..=MAX].to_vec()), Piece::Message(message(2))]);
        let mut codec = Codec::new(MAX);
        codec.push(&[VT]);
        codec.push(&vec![b'x'; 1_000_000]);
        assert!(codec.held.capacity() <= 4 * MAX, "nothing of the rest is held");
    }

    #[test]
    fn noise_is_counted_until_a_message_comes() {
        let mut codec = Codec::new(MAX);
        codec.push(b"GET / HTTP/1.1\r\n");
        assert_eq!(codec.noise(), 14);
        codec.push(&framed(&message(1)));
        assert_eq!(codec.noise(), 0);
    }

    proptest! {
        /// However a stream is cut, the same messages come out.
        #[test]
        fn cuts_change_nothing(pieces in prop::collection::vec((0_u8..4, prop::collection::vec(any::<u8>(), 0..12)), 0..8), cut in 1_usize..20) {
            let stream: Vec<u8> = pieces.iter().flat_map(|(kind, noise)| match kind {
                0 => framed(&message(7)),
                1 => message(8),
                _ => noise.clone(),
            }).collect();
            let mut codec = Codec::new(MAX);
            let mut found: Vec<Piece> = stream.chunks(cut).flat_map(|chunk| codec.push(chunk)).collect();
            found.extend(codec.finish());
            prop_assert_eq!(found, all(&stream));
        }

        /// A frame after any noise that leaves no frame open is found.
        #[test]
        fn a_frame_is_found_after_noise(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            let found = all(&[&noise[..], &[FS], &framed(&message(1))].concat());
            prop_assert_eq!(found.last(), Some(&Piece::Message(message(1))));
        }
    }
}
