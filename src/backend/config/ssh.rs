//! Logins by keys of OpenSSH: `[ssh]`.

use super::ConfigError;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Most accounts that may bring logins.
const GATEWAYS_MAX: usize = 64;
/// Longest path of a Unix socket, in bytes: what the system takes.
const SOCKET_MAX_BYTES: usize = 107;

/// Where sessions begin for people whom OpenSSH has let in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SshConfig {
    /// The socket; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// The accounts of this machine, by uid, under which sshd runs `wardwatch ssh`: they are believed who was let in.
    pub gateways: Vec<u32>,
}

impl SshConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |name: &str, why: &str| Err(ConfigError::Setting { name: name.to_owned(), why: why.to_owned() });
        if self.socket.is_some() == self.gateways.is_empty() {
            return wrong("ssh", "socket and gateways go together: who may use the socket has to be named by uid");
        }
        if self.gateways.len() > GATEWAYS_MAX {
            return wrong("ssh.gateways", "at most 64 accounts");
        }
        match &self.socket {
            Some(path) if !path.is_absolute() || path.as_os_str().len() > SOCKET_MAX_BYTES => {
                wrong("ssh.socket", "an absolute path of at most 107 bytes is wanted")
            }
            _ => Ok(()),
        }
    }
}
