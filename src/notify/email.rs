//! E-mail by a mail server.

use super::{Channel, ChannelError, Letter, SendError, subject, text};
use lettre::{
    Message, SmtpTransport, Transport,
    address::Address,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use sha2::{Digest, Sha256};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};
use zeroize::Zeroizing;

/// How the way to the mail server is kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailTls {
    /// From the first byte on (port 465).
    Implicit,
    /// After a word in plain text (port 587); without it nothing is sent.
    Starttls,
    /// Not at all.
    None,
}

/// What e-mail is made of.
#[derive(Debug)]
pub struct EmailParts {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way is kept secret.
    pub tls: EmailTls,
    /// Certificates of the authorities that are trusted besides Mozilla's list, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Name and passphrase, if the mail server wants them.
    pub login: Option<(String, Zeroizing<String>)>,
    /// The sender.
    pub from: String,
    /// Who gets what is for somebody without an address, or for nobody by name.
    pub to: Vec<String>,
    /// The longest time for one try.
    pub timeout: Duration,
}

/// E-mail.
pub struct EmailChannel {
    transport: SmtpTransport,
    timeout: Duration,
    /// Whether a try that took too long still goes on: no other is made beside it.
    hangs: Arc<AtomicBool>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

fn mailbox(text: &str) -> Result<Mailbox, ChannelError> {
    text.parse().map_err(|e| ChannelError(format!("{text:?} is no e-mail address: {e}")))
}

impl EmailChannel {
    /// E-mail by a mail server.
    ///
    /// # Errors
    /// If an address is none, or the file of authorities cannot be used.
    pub fn new(parts: EmailParts) -> Result<Self, ChannelError> {
        let tls = match parts.tls {
            EmailTls::Implicit => Tls::Wrapper(tls_of(&parts)?),
            EmailTls::Starttls => Tls::Required(tls_of(&parts)?),
            EmailTls::None => Tls::None,
        };
        let mut builder = SmtpTransport::builder_dangerous(&parts.host).port(parts.port).tls(tls);
        builder = builder.timeout(Some(parts.timeout));
        if let Some((name, passphrase)) = parts.login {
            builder = builder.credentials(Credentials::new(name, passphrase.to_string()));
        }
        let to = parts.to.iter().map(|text| mailbox(text)).collect::<Result<_, _>>()?;
        let (transport, timeout) = (builder.build(), parts.timeout);
        Ok(Self { transport, timeout, hangs: Arc::default(), from: mailbox(&parts.from)?, to })
    }

    /// The addresses of a letter, and whether they are the recipient's own.
    fn addresses(&self, letter: &Letter) -> Result<(Vec<Mailbox>, bool), SendError> {
        let own = letter.to.as_ref().and_then(|to| to.email.as_deref());
        if let Some(own) = own {
            let address = own.parse::<Address>().map_err(|e| SendError::Never(format!("{own:?}: {e}")))?;
            return Ok((vec![Mailbox::new(None, address)], true));
        }
        if self.to.is_empty() {
            let who = letter.to.as_ref().map_or("the ward", |to| to.login.as_str());
            return Err(SendError::Never(format!(
                "no address is known for {who}: set notify.addresses or the channel's to"
            )));
        }
        Ok((self.to.clone(), false))
    }
}

fn tls_of(parts: &EmailParts) -> Result<TlsParameters, ChannelError> {
    let mut builder = TlsParameters::builder(parts.host.clone());
    if let Some(path) = &parts.ca_file {
        let wrong =
            |why: String| ChannelError(format!("the file of authorities {} cannot be used: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| wrong(e.to_string()))?);
    }
    builder.build_rustls().map_err(|e| ChannelError(format!("TLS cannot be set up: {e}")))
}

/// The identifier of a message, the same for every try.
fn message_id(letter: &Letter) -> String {
    let digest = Sha256::digest(format!("{}\n{}\n{}", letter.site, letter.id.ward, letter.id).as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("<{hex}@wardwatch>")
}

impl Channel for EmailChannel {
    fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let (addresses, own) = self.addresses(letter)?;
        // A link acknowledges in one person's name: it goes to that person's own address alone.
        let letter = if own { letter.clone() } else { Letter { link: None, ..letter.clone() } };
        let mut builder = Message::builder().from(self.from.clone()).subject(subject(&letter));
        for address in addresses {
            builder = builder.to(address);
        }
        let builder = builder.message_id(Some(message_id(&letter))).header(ContentType::TEXT_PLAIN);
        let message = builder.body(text(&letter));
        let message = message.map_err(|e| SendError::Never(format!("the message cannot be written: {e}")))?;
        self.try_once(message)
    }
}

impl EmailChannel {
    /// One try within the time for it. lettre's own limit is one for each read and write: a mail server that answers letter
    /// by letter would hold the channel for ever.
    fn try_once(&self, message: Message) -> Result<(), SendError> {
        if self.hangs.swap(true, Ordering::AcqRel) {
            return Err(SendError::Later("the mail server still holds the try before".to_owned()));
        }
        let (transport, hangs) = (self.transport.clone(), Arc::clone(&self.hangs));
        let (done, ended) = mpsc::sync_channel(1);
        let send = move || {
            let said = transport.send(&message);
            hangs.store(false, Ordering::Release);
            drop(done.send(said));
        };
        if let Err(e) = std::thread::Builder::new().name("notify-email".to_owned()).spawn(send) {
            self.hangs.store(false, Ordering::Release);
            return Err(SendError::Later(format!("a thread could not be started: {e}")));
        }
        match ended.recv_timeout(self.timeout) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(e)) if e.is_permanent() => Err(SendError::Never(e.to_string())),
            Ok(Err(e)) => Err(SendError::Later(whole(&e))),
            Err(RecvTimeoutError::Timeout) => {
                let seconds = self.timeout.as_secs();
                Err(SendError::Later(format!("the mail server took longer than {seconds} s")))
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.hangs.store(false, Ordering::Release);
                Err(SendError::Later("the try was lost".to_owned()))
            }
        }
    }
}

/// An error with its causes: lettre's own text alone says little.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text = format!("{text}: {found}");
        cause = found.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::render::tests::full;

    fn channel(to: &[&str]) -> EmailChannel {
        EmailChannel::new(parts(to, 9)).unwrap()
    }

    fn parts(to: &[&str], port: u16) -> EmailParts {
        EmailParts {
            host: "127.0.0.1".to_owned(),
            port,
            tls: EmailTls::None,
            ca_file: None,
            login: None,
            from: "wardwatch <ward@hospital.example>".to_owned(),
            to: to.iter().map(|t| (*t).to_owned()).collect(),
            timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn a_letter_goes_to_its_recipient_or_to_the_shared_address() {
        let own = channel(&["ward@hospital.example"]).addresses(&full()).unwrap();
        assert_eq!((own.0[0].email.to_string().as_str(), own.1), ("okafor@hospital.example", true));
        let nobody = Letter { to: None, ..full() };
        let shared = channel(&["ward@hospital.example"]).addresses(&nobody).unwrap();
        assert_eq!((shared.0[0].email.to_string().as_str(), shared.1), ("ward@hospital.example", false));
        let error = channel(&[]).addresses(&nobody).unwrap_err();
        assert!(matches!(&error, SendError::Never(why) if why.contains("notify.addresses")), "{error:?}");
    }

    #[test]
    fn a_mail_server_that_is_away_is_tried_again() {
        let error = channel(&[]).send(&full()).unwrap_err();
        assert!(matches!(&error, SendError::Later(_)), "{error:?}");
    }

    #[test]
    fn a_mail_server_that_drips_holds_the_channel_no_longer_than_a_try_may_take() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                drop(std::io::Write::write_all(&mut stream, b"2"));
            }
        });
        let parts = EmailParts { timeout: Duration::from_secs(1), ..parts(&[], port) };
        let channel = EmailChannel::new(parts).unwrap();
        let later = |error: SendError| match error {
            SendError::Later(why) => why,
            SendError::Never(why) => panic!("{why}"),
        };
        assert_eq!(later(channel.send(&full()).unwrap_err()), "the mail server took longer than 1 s");
        assert_eq!(later(channel.send(&full()).unwrap_err()), "the mail server still holds the try before");
        drop(stop);
        server.join().unwrap();
    }

    #[test]
    fn the_identifier_of_a_message_is_that_of_its_letter() {
        let other = Letter { id: crate::notify::LetterId { transition: 3, ..full().id }, ..full() };
        assert_eq!(message_id(&full()), message_id(&full()));
        assert_ne!(message_id(&full()), message_id(&other));
    }
}
