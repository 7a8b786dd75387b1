//! Channels for messages: how they do, and whether they work.

use super::{
    execute::{Done, leaf, refused},
    request::{AdminAnswer, ChannelInfo},
};
use crate::{
    audit::{Act, LeafDraft, Outcome},
    backend::{
        app::App,
        notify::{build, privacy_faults, test_letter},
    },
    domain::{Actor, ChannelName, LoginName, WardId},
};

pub(super) fn list(app: &App) -> Done {
    let channels = app.config.notify.channel.iter().map(|(name, config)| ChannelInfo {
        name: name.clone(),
        kind: config.kind().to_owned(),
        content: config.content,
        priorities: config.priorities.clone(),
        min_level: config.min_level,
        state: app.notify.of(name),
    });
    Ok(AdminAnswer::Channels { channels: channels.collect(), faults: privacy_faults(app) })
}

/// Sends a test once, and says what came of it.
pub(super) async fn test(app: &App, by: &Actor, name: &ChannelName, to: Option<LoginName>) -> Done {
    let unknown = || {
        let names: Vec<&str> = app.config.notify.channel.keys().map(ChannelName::as_str).collect();
        let known = if names.is_empty() { "there is none".to_owned() } else { names.join(", ") };
        refused(format!("there is no channel {name} in the configuration ({known})"))
    };
    let config = app.config.notify.channel.get(name).ok_or_else(unknown)?;
    let channel = build(config, &app.clock).map_err(refused)?;
    let ward = app.hub.wards().into_iter().next();
    let ward = ward.map_or_else(|| (WardId::from_name("none"), "no ward yet".to_owned()), |w| (w.id, w.name));
    let site = (app.site.as_str(), app.hub.mode());
    let letter = test_letter(site, ward, to, &app.config.notify.addresses, app.engine_clock.now());
    let sent = tokio::task::spawn_blocking(move || channel.send(&letter)).await.map_err(refused)?;
    let outcome = if sent.is_ok() { Outcome::Success } else { Outcome::Refused };
    let leaf = LeafDraft { outcome, ..leaf(by, Act::NotifyTest) };
    app.record(vec![leaf], Vec::new()).await.map_err(refused)?;
    sent.map(|()| AdminAnswer::Done).map_err(|e| refused(format!("channel {name}: {e}")))
}
