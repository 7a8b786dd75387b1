//! What a certificate says: the fingerprint of its key, its names, its end.
//!
//! A key is known by the SHA-256 of its SubjectPublicKeyInfo (RFC 7469's pin), so a certificate that is made anew with the
//! same key is the same server. Who vouches for a certificate is no matter here: that is rustls'.

use crate::domain::Timestamp;
use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use std::{fmt, net::IpAddr, str::FromStr};
use tokio_rustls::rustls::{pki_types::CertificateDer, server::ParsedCertificate};

/// Most names of a certificate that are read.
const NAMES_MAX: usize = 100;
/// The extension with the names of a certificate: 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// SHA-256 of a public key as X.509 writes it; text form `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// A text that is not the fingerprint of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no fingerprint: sha256: and 64 hexadecimal digits are wanted, as the server's log and `wardwatch status` show it"
)]
pub struct FingerprintError(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let wrong = || FingerprintError(text.chars().take(100).collect());
        let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.is_ascii()).ok_or_else(wrong)?;
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
            // `from_str_radix` takes a sign, which is no digit.
            if !digits.chars().all(|c| c.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Fingerprint {
    /// That of the key of a certificate; `None` if rustls cannot read it. What rustls takes for the key is hashed, so the key
    /// that is compared is the one by which the handshake is checked.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = ParsedCertificate::try_from(certificate).ok()?;
        Some(Self(Sha256::digest(parsed.subject_public_key_info().as_ref()).into()))
    }
}

/// What a certificate says, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// The hosts that it is for: names and addresses.
    pub names: Vec<String>,
    /// When it begins to hold.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

impl CertificateFacts {
    /// Reads a certificate; `None` if it is none.
    #[must_use]
    pub fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let fingerprint = Fingerprint::of(certificate)?;
        let mut outer = Der(certificate.as_ref());
        let mut signed = Der(outer.take(SEQUENCE)?);
        let mut fields = Der(signed.take(SEQUENCE)?);
        if fields.tag() == Some(VERSION) {
            fields.any()?;
        }
        // Serial number, algorithm, who vouches for it.
        (0..3).try_for_each(|_| fields.any().map(drop))?;
        let mut validity = Der(fields.take(SEQUENCE)?);
        let (not_before, not_after) = (moment(validity.any()?)?, moment(validity.any()?)?);
        let mut names = Vec::new();
        while let Some((tag, content)) = fields.any() {
            if tag == EXTENSIONS {
                names = names_of(content).unwrap_or_default();
            }
        }
        Some(Self { fingerprint, names, not_before, not_after })
    }

    /// Whole days from `now` to its end; less than 0 if it has ended.
    #[must_use]
    pub const fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after.since(now).0.div_euclid(24 * 3_600 * 1_000)
    }
}

/// What is left to read of a structure in DER.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and what is in it.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(b, _)| b.len() <= 4)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// What is in the next element, which has to have this tag.
    fn take(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.any().filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
    }
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280, 4.1.2.5).
fn moment((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z').filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?;
    let (year, rest) = match tag {
        UTC_TIME => text.split_at_checked(2)?,
        GENERAL_TIME => text.split_at_checked(4)?,
        _ => return None,
    };
    let year: i32 = year.parse().ok()?;
    let year = match tag {
        UTC_TIME if year < 50 => year + 2_000,
        UTC_TIME => year + 1_900,
        _ => year,
    };
    let pair = |at: usize| rest.get(at..at + 2)?.parse::<u32>().ok();
    let date = NaiveDate::from_ymd_opt(year, pair(0)?, pair(2)?)?;
    let time = date.and_hms_opt(pair(4)?, pair(6)?, pair(8)?)?;
    Some(Timestamp::from_ms(time.and_utc().timestamp_millis()))
}

fn names_of(extensions: &[u8]) -> Option<Vec<String>> {
    let mut list = Der(Der(extensions).take(SEQUENCE)?);
    while let Some(extension) = list.take(SEQUENCE) {
        let mut fields = Der(extension);
        if fields.take(OBJECT)? != SUBJECT_ALT_NAME {
            continue;
        }
        // Whether it is critical may stand before what it says.
        let value = std::iter::from_fn(|| fields.any()).find(|(tag, _)| *tag == OCTETS)?.1;
        let mut names = Der(Der(value).take(SEQUENCE)?);
        let read = std::iter::from_fn(|| names.any()).filter_map(name).take(NAMES_MAX);
        return Some(read.collect());
    }
    None
}

fn name((tag, content): (u8, &[u8])) -> Option<String> {
    match tag {
        DNS_NAME => Some(crate::domain::text::clean(std::str::from_utf8(content).ok()?)),
        IP_ADDRESS => match content.len() {
            4 => <[u8; 4]>::try_from(content).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(content).ok().map(|bytes| IpAddr::from(bytes).to_string()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair};

    fn made(names: &[&str], key: &KeyPair, (year, month, day): (i32, u8, u8)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.not_before = rcgen::date_time_ymd(2024, 2, 29);
        params.not_after = rcgen::date_time_ymd(year, month, day);
        params.self_signed(key).unwrap().der().clone()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn says_names_end_and_key() {
        let key = KeyPair::generate().unwrap();
        let facts = CertificateFacts::read(&made(&["monitor", "10.1.2.3", "::1"], &key, (2027, 3, 1))).unwrap();
        assert_eq!(facts.names, ["monitor", "10.1.2.3", "::1"]);
        assert_eq!(facts.not_before, at("2024-02-29T00:00:00Z"));
        assert_eq!(facts.not_after, at("2027-03-01T00:00:00Z"));
        assert_eq!(facts.days_left(at("2027-02-26T12:00:00Z")), 2);
        assert_eq!(facts.days_left(at("2027-03-01T00:00:01Z")), -1);
        // Beyond 2049 the other form of a time is used.
        let late = CertificateFacts::read(&made(&["monitor"], &key, (2061, 12, 31))).unwrap();
        assert_eq!(late.not_after, at("2061-12-31T00:00:00Z"));
    }

    #[test]
    fn a_new_certificate_of_the_same_key_has_the_same_fingerprint() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let of = |key, year| Fingerprint::of(&made(&["a"], key, (year, 1, 1))).unwrap();
        assert_eq!(of(&key, 2027), of(&key, 2030));
        assert_ne!(of(&key, 2027), of(&other, 2027));
        assert_eq!(of(&key, 2027).to_string().parse(), Ok(of(&key, 2027)));
    }

    #[test]
    fn what_is_no_fingerprint_is_none() {
        let good = format!("sha256:{}", "0f".repeat(32));
        assert!(good.parse::<Fingerprint>().is_ok());
        for wrong in [&good[1..], &good[..70], &good.replace("0f", "+f"), &good.replace("0f", "ä"), "", "sha256:"] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0_usize..600, byte: u8, junk: Vec<u8>) {
            let key = KeyPair::generate().unwrap();
            let mut bytes = made(&["monitor", "10.1.2.3"], &key, (2027, 3, 1)).to_vec();
            let place = at % bytes.len();
            bytes[place] = byte;
            let _read = CertificateFacts::read(&CertificateDer::from(bytes));
            let _none = CertificateFacts::read(&CertificateDer::from(junk.clone()));
            let _names = names_of(&junk);
        }
    }
}
