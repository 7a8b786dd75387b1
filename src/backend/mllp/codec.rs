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
}

impl Codec {
    /// A codec for messages of at most `max_bytes`.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self { state: State::Between, held: Vec::new(), max_bytes, noise: 0 }
    }

    /// Takes bytes, and gives what they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut found = Vec::new();
        bytes.iter().for_each(|byte| self.take(*byte, &mut found));
        found
    }

    /// Nothing comes for now: a message without a frame is whole.
    pub fn quiet(&mut self) -> Option<Piece> {
        (self.state == State::Bare).then(|| self.end(State::Between, Piece::Message))
    }

    /// Nothing comes any more.
    pub fn finish(&mut self) -> Option<Piece> {
        let broken = self.state == State::Framed && !self.held.is_empty();
        self.quiet().or_else(|| broken.then(|| self.end(State::Between, Piece::Broken)))
    }

    /// Whether a message without a frame is on its way.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.state == State::Bare
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
            (State::Bare, VT) => found.push(self.end(State::Framed, Piece::Message)),
            (State::Framed | State::Bare, _) => self.hold(byte, found),
            (State::Between | State::Skipping, VT) => {
                self.held.clear();
                self.state = State::Framed;
            }
            (State::Skipping, FS) => self.state = State::Between,
            (State::Skipping, _) => {}
            (State::Between, _) => self.look_for_begin(byte),
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
    fn look_for_begin(&mut self, byte: u8) {
        let line_ends = matches!(byte, CR | b'\n' | FS);
        self.noise += usize::from(!line_ends);
        if line_ends {
            self.held.clear();
        } else if self.held.len() <= BEGIN.len() {
            self.held.push(byte);
            if self.held == BEGIN {
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

    #[rstest]
    #[case::one(framed(&message(1)), vec![Piece::Message(message(1))])]
    #[case::two_at_once([framed(&message(1)), framed(&message(2))].concat(), vec![Piece::Message(message(1)), Piece::Message(message(2))])]
    #[case::noise_before([b"\r\n\0\0junk\n".to_vec(), framed(&message(1))].concat(), vec![Piece::Message(message(1))])]
    #[case::no_cr_behind([&[VT], &message(1)[..], &[FS, VT], &message(2)[..], &[FS]].concat(), vec![Piece::Message(message(1)), Piece::Message(message(2))])]
    #[case::broken_off([&[VT], &b"MSH|half"[..], &framed(&message(2))].concat(), vec![Piece::Broken(b"MSH|half".to_vec()), Piece::Message(message(2))])]
    #[case::never_ended([&[VT], &b"MSH|half"[..]].concat(), vec![Piece::Broken(b"MSH|half".to_vec())])]
    #[case::bare(message(1), vec![Piece::Message(message(1))])]
    #[case::bare_two([message(1), message(2)].concat(), vec![Piece::Message(message(1)), Piece::Message(message(2))])]
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
