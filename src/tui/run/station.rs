//! The server, as the loop needs it.

use crate::{
    access::Secret,
    client::{self, ClientEvent, ClientRequest, Emergency, Endpoint, HttpError, LinkOptions, LoginAnswer, TrailMemory},
    domain::WardId,
    protocol::Encoding,
    seam::Entropy,
};
use std::{path::PathBuf, pin::Pin, sync::Arc};
use tokio::sync::mpsc;

/// Something that is under way.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Both ends of a link: what is asked for, what is told. It ends when the latter is dropped.
pub type LinkEnds = (mpsc::Sender<ClientRequest>, mpsc::Receiver<ClientEvent>);

/// What the loop asks of a server.
pub trait Station {
    /// Makes a link with a session's token.
    fn connect(&self, token: Secret) -> LinkEnds;
    /// Signs in, with a code of the authenticator where one is wanted.
    fn sign_in(
        &self,
        user: String,
        passphrase: Secret,
        code: Option<Secret>,
    ) -> Pending<Result<LoginAnswer, HttpError>>;
    /// Signs out: the token no longer holds.
    fn sign_out(&self, token: Secret) -> Pending<Result<(), HttpError>>;
}

/// A server over its sockets.
#[derive(Clone)]
pub struct Server {
    /// Where it is.
    pub endpoint: Endpoint,
    /// The ward that is watched; the server's first if absent.
    pub ward: Option<WardId>,
    /// The file of the token with which the screen begins, and that token: whoever signs in on the screen has another.
    pub token_file: Option<(PathBuf, Secret)>,
    /// Where the last checkpoint of its audit trail is remembered.
    pub memory: TrailMemory,
    /// The patient who is opened in an emergency.
    pub emergency: Option<Emergency>,
    /// Spreads the attempts to come back after a cut.
    pub entropy: Arc<dyn Entropy>,
}

impl Station for Server {
    fn connect(&self, token: Secret) -> LinkEnds {
        let of_file = self.token_file.as_ref().filter(|(_, first)| first.expose() == token.expose());
        let options = LinkOptions {
            without_ward: true,
            endpoint: self.endpoint.clone(),
            token_file: of_file.map(|(path, _)| path.clone()),
            token,
            ward: self.ward.clone(),
            patients: None,
            encoding: Encoding::MessagePack,
            memory: self.memory.clone(),
            emergency: self.emergency.clone(),
        };
        client::start(options, Arc::clone(&self.entropy))
    }

    fn sign_in(
        &self,
        user: String,
        passphrase: Secret,
        code: Option<Secret>,
    ) -> Pending<Result<LoginAnswer, HttpError>> {
        let endpoint = self.endpoint.clone();
        Box::pin(async move { client::login(&endpoint, &user, &passphrase, code.as_ref()).await })
    }

    fn sign_out(&self, token: Secret) -> Pending<Result<(), HttpError>> {
        let endpoint = self.endpoint.clone();
        Box::pin(async move { client::logout(&endpoint, &token).await })
    }
}
