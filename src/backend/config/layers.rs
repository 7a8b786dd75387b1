//! Putting the layers of a configuration together.

use super::Config;
use std::{net::SocketAddr, path::Path};
use toml::{Table, Value};

/// How variables of the environment begin that belong to the configuration.
pub const ENV_PREFIX: &str = "WARDWATCH_";

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML, or a key is unknown or of the wrong type.
    #[error("the configuration file {path} is wrong: {why}")]
    Text {
        /// Which.
        path: String,
        /// Where and why.
        why: String,
    },
    /// A variable of the environment or a flag is wrong.
    #[error("{name} is wrong: {why}")]
    Setting {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// A number is outside its range.
    #[error("{key} = {value} is outside {low} to {high}")]
    Range {
        /// Which key.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The least allowed.
        low: u64,
        /// The greatest allowed.
        high: u64,
    },
    /// Plain text would be spoken on a network.
    #[error(
        "server.listen = {listen} is not loopback, and what is sent there could be read on the way: say --tls auto, \
         listen on 127.0.0.1 behind SSH, or say --insecure-listen if the network is trusted"
    )]
    PlainText {
        /// Where.
        listen: SocketAddr,
    },
    /// A vital of the site is wrong.
    #[error("the vital {vital:?} is wrong: {why}")]
    Vital {
        /// Which.
        vital: String,
        /// Why.
        why: String,
    },
}

/// The layers above the defaults, the lowest first.
#[derive(Debug, Default)]
pub struct Layers {
    table: Table,
}

impl Layers {
    /// Adds a file.
    ///
    /// # Errors
    /// If it cannot be read, is no TOML, or has an unknown key.
    pub fn file(mut self, path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File { path: name.clone(), source })?;
        let wrong = |e: toml::de::Error| ConfigError::Text { path: name.clone(), why: e.to_string() };
        // Read it as a configuration of its own first: then an error has its line.
        toml::from_str::<Config>(&text).map_err(wrong)?;
        merge(&mut self.table, toml::from_str(&text).map_err(wrong)?);
        Ok(self)
    }

    /// Adds variables of the environment: `WARDWATCH_SECTION__KEY`. Others that begin so but have no `__` are not ours.
    ///
    /// # Errors
    /// If one names an unknown key or has a value of the wrong type.
    pub fn environment(mut self, variables: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut own: Vec<(String, String)> = variables
            .filter_map(|(name, value)| {
                let key = name.strip_prefix(ENV_PREFIX)?;
                key.contains("__").then(|| (key.to_lowercase().replace("__", "."), value))
            })
            .collect();
        own.sort();
        for (key, value) in own {
            let name = format!("{ENV_PREFIX}{}", key.to_uppercase().replace('.', "__"));
            self = self.setting(&name, &key, &value)?;
        }
        Ok(self)
    }

    /// Adds one setting by its dotted key; `name` is what it is called where it was given.
    ///
    /// # Errors
    /// If the key is unknown or the value has the wrong type.
    pub fn setting(mut self, name: &str, key: &str, value: &str) -> Result<Self, ConfigError> {
        let typed = format!("v = {value}").parse::<Table>().ok().and_then(|mut t| t.remove("v"));
        let quoted = || Value::String(value.to_owned());
        let mut last = None;
        // `8` may be a number or a text: take what the key wants.
        for candidate in typed.into_iter().chain([quoted()]) {
            let mut table = self.table.clone();
            merge(&mut table, nest(key, candidate));
            match table.clone().try_into::<Config>() {
                Ok(_) => {
                    self.table = table;
                    return Ok(self);
                }
                Err(e) => last = Some(e.to_string()),
            }
        }
        let why = last.unwrap_or_default().lines().next().unwrap_or_default().to_owned();
        Err(ConfigError::Setting { name: name.to_owned(), why })
    }

    /// The configuration, checked.
    ///
    /// # Errors
    /// If something is wrong that only shows in the whole.
    pub fn build(self) -> Result<Config, ConfigError> {
        let wrong = |e: toml::de::Error| ConfigError::Setting { name: "configuration".into(), why: e.to_string() };
        let config: Config = self.table.try_into().map_err(wrong)?;
        config.check()?;
        Ok(config)
    }
}

fn nest(key: &str, value: Value) -> Table {
    let mut table = Table::new();
    match key.split_once('.') {
        Some((section, rest)) => table.insert(section.to_owned(), Value::Table(nest(rest, value))),
        None => table.insert(key.to_owned(), value),
    };
    table
}

fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LogFormat, SAMPLE};
    use super::*;
    use crate::domain::VitalCode;

    fn file(text: &str) -> Result<Layers, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wardwatch.toml");
        std::fs::write(&path, text).unwrap();
        Layers::default().file(&path)
    }

    fn env(pairs: &[(&str, &str)]) -> Result<Layers, ConfigError> {
        Layers::default().environment(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_sample_says_the_defaults() {
        assert_eq!(file(SAMPLE).unwrap().build().unwrap(), Config::default());
        let written: Table = toml::to_string(&Config::default()).unwrap().parse().unwrap();
        let sample: Table = SAMPLE.parse().unwrap();
        for (section, keys) in &written {
            let Value::Table(keys) = keys else { continue };
            for key in keys.keys() {
                assert!(sample[section].get(key).is_some(), "the sample lacks {section}.{key}");
            }
        }
    }

    #[test]
    fn the_samples_own_vital_is_good() {
        let vital: String = SAMPLE
            .lines()
            .skip_while(|l| !l.contains("[[vital]]"))
            .map(|l| l.trim_start_matches("# ").to_owned() + "\n")
            .collect();
        let config = file(&vital).unwrap().build().unwrap();
        assert!(config.vitals().unwrap().get(VitalCode::of("icp")).is_some());
    }

    #[test]
    fn flags_come_before_environment_before_file() {
        let layers = file("[server]\nlisten = \"127.0.0.1:1\"\n[log]\nformat = \"json\"\nlevel = \"warn\"").unwrap();
        let variables = [("WARDWATCH_SERVER__LISTEN", "127.0.0.1:2"), ("WARDWATCH_LOG__LEVEL", "debug")];
        let layers = layers.environment(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))).unwrap();
        let config = layers.setting("--listen", "server.listen", "127.0.0.1:3").unwrap().build().unwrap();
        assert_eq!(config.server.listen.port(), 3);
        assert_eq!((config.log.level.as_str(), config.log.format), ("debug", LogFormat::Json));
    }

    #[test]
    fn unknown_keys_are_errors_with_their_place() {
        let error = file("[server]\nlisten = \"127.0.0.1:1\"\nlitsen = 3").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("litsen"), "{error}");
        let error = env(&[("WARDWATCH_SERVER__LITSEN", "x")]).unwrap_err().to_string();
        assert!(error.starts_with("WARDWATCH_SERVER__LITSEN is wrong: unknown field `litsen`"), "{error}");
        assert!(env(&[("WARDWATCH_SHARED", "/x"), ("OTHER__KEY", "x")]).is_ok(), "not ours");
        assert!(env(&[("WARDWATCH_LIMITS__CONNECTIONS", "many")]).is_err());
    }

    #[test]
    fn plain_text_stays_on_loopback_unless_told() {
        let open = || Layers::default().setting("--listen", "server.listen", "0.0.0.0:8470").unwrap();
        let error = open().build().unwrap_err().to_string();
        assert!(error.contains("--insecure-listen"), "{error}");
        assert!(open().setting("--insecure-listen", "server.insecure_listen", "true").unwrap().build().is_ok());
        let local = Layers::default().setting("--listen", "server.listen", "[::1]:8470").unwrap();
        assert!(local.build().is_ok());
    }

    #[test]
    fn numbers_have_ranges() {
        let error = env(&[("WARDWATCH_DISK__ALERT_PERCENT", "0")]).unwrap().build().unwrap_err();
        assert_eq!(error.to_string(), "disk.alert_percent = 0 is outside 1 to 100");
    }
}
