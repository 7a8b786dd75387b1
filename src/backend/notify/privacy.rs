//! Whether those whom `notify.privacy` names can be told at all: a name with a mistake would be found when it is too late.

use crate::{
    backend::{app::App, config::NotifyConfig},
    domain::text::clean,
};

/// What keeps those whom `notify.privacy` names from being told of emergencies, a sentence for each; empty if nothing does.
#[must_use]
pub fn privacy_faults(app: &App) -> Vec<String> {
    let directory = app.hub.directory();
    faults(&app.config.notify, |name| {
        directory.users().find(|user| user.name.eq_ignore_ascii_case(name)).map(|user| user.enabled)
    })
}

/// As [`privacy_faults`]; `user` says whether somebody of that name is enabled, `None` if there is nobody.
fn faults(config: &NotifyConfig, user: impl Fn(&str) -> Option<bool>) -> Vec<String> {
    let by_address = |email: &str| config.addresses.keys().any(|known| known.eq_ignore_ascii_case(email));
    let to_each = |name: &str| {
        let channels = config.channel.iter().filter(|(_, channel)| channel.emergencies);
        let needs = channels.filter(|(_, channel)| channel.email.as_ref().is_some_and(|email| email.to.is_empty()));
        let names: Vec<&str> = needs.map(|(channel, _)| channel.as_str()).collect();
        (!names.is_empty() && !by_address(name)).then(|| names.join(", "))
    };
    let mut faults = Vec::new();
    for name in &config.privacy {
        let shown = clean(name);
        match user(name) {
            None => faults.push(format!(
                "notify.privacy names {shown}, who is no user here: correct the name, or `wardwatch user add {shown}`"
            )),
            Some(false) => faults.push(format!(
                "notify.privacy names {shown}, whose account is disabled: name somebody else, or `wardwatch user enable {shown}`"
            )),
            Some(true) => {}
        }
        if let Some(channels) = to_each(name) {
            faults.push(format!(
                "notify.privacy names {shown}, who has no address: e-mails of {channels} do not reach {shown}; add one to notify.addresses"
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::config::{ChannelConfig, EmailConfig};

    #[test]
    fn a_name_that_is_no_user_or_has_no_address_is_told() {
        let email = |to: &[&str]| {
            let email: EmailConfig =
                serde_json::from_value(serde_json::json!({ "host": "mail", "from": "w@x.org", "to": to })).unwrap();
            ChannelConfig { email: Some(email), ..ChannelConfig::default() }
        };
        let mut config = NotifyConfig {
            privacy: ["lindqvist", "gone", "nobody"].map(str::to_owned).into(),
            addresses: [("Lindqvist", "l@x.org"), ("nobody", "n@x.org")]
                .map(|(n, a)| (n.to_owned(), a.to_owned()))
                .into(),
            channel: [("mail".parse().unwrap(), email(&[]))].into(),
            ..NotifyConfig::default()
        };
        let user = |name: &str| match name {
            "lindqvist" => Some(true),
            "gone" => Some(false),
            _ => None,
        };
        let told = faults(&config, user);
        let about =
            ["gone, whose account is disabled", "gone, who has no address: e-mails of mail", "nobody, who is no user"];
        assert_eq!(told.len(), about.len(), "{told:?}");
        assert!(told.iter().zip(about).all(|(told, about)| told.contains(about)), "{told:?}");
        // An e-mail that goes to one address for all needs none of theirs.
        config.channel = [("mail".parse().unwrap(), email(&["ward@x.org"]))].into();
        assert_eq!(faults(&config, user).len(), 2);
    }
}
