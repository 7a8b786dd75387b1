//! The topic of a message: `spBv1.0/GROUP/TYPE/EDGE[/DEVICE]`.

/// How topics of Sparkplug B begin.
pub const NAMESPACE: &str = "spBv1.0";

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An edge node comes.
    NodeBirth,
    /// An edge node is gone, and with it its devices.
    NodeDeath,
    /// Data of an edge node itself.
    NodeData,
    /// A device comes.
    DeviceBirth,
    /// A device is gone.
    DeviceDeath,
    /// Data of a device.
    DeviceData,
    /// A command to a node or a device, or the state of a host: nothing for us.
    Other,
}

/// Where a message comes from and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic<'t> {
    /// The group.
    pub group: &'t str,
    /// What the message is.
    pub kind: Kind,
    /// The edge node.
    pub edge: &'t str,
    /// The device, if the message is of one.
    pub device: Option<&'t str>,
}

impl<'t> Topic<'t> {
    /// Reads a topic.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &'t str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("the topic {why}: spBv1.0/GROUP/TYPE/EDGE[/DEVICE] is wanted"));
        let levels: Vec<&str> = text.split('/').collect();
        if levels.first() == Some(&NAMESPACE) && levels.get(1) == Some(&"STATE") {
            return Ok(Self { group: "", kind: Kind::Other, edge: "", device: None });
        }
        let (group, kind, edge, device) = match levels.as_slice() {
            [NAMESPACE, group, kind, edge] => (*group, *kind, *edge, None),
            [NAMESPACE, group, kind, edge, device] => (*group, *kind, *edge, Some(*device)),
            _ => return wrong("has another shape"),
        };
        if [Some(group), Some(edge), device].into_iter().flatten().any(str::is_empty) {
            return wrong("has an empty level");
        }
        let kind = match (kind, device) {
            ("NBIRTH", None) => Kind::NodeBirth,
            ("NDEATH", None) => Kind::NodeDeath,
            ("NDATA", None) => Kind::NodeData,
            ("DBIRTH", Some(_)) => Kind::DeviceBirth,
            ("DDEATH", Some(_)) => Kind::DeviceDeath,
            ("DDATA", Some(_)) => Kind::DeviceData,
            ("NCMD", None) | ("DCMD", Some(_)) => Kind::Other,
            _ => return wrong("has a type that does not fit"),
        };
        Ok(Self { group, kind, edge, device })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("spBv1.0/hospital/NBIRTH/ward-a", Kind::NodeBirth, "ward-a", None)]
    #[case("spBv1.0/hospital/DDATA/ward-a/mon-12", Kind::DeviceData, "ward-a", Some("mon-12"))]
    #[case("spBv1.0/hospital/NCMD/ward-a", Kind::Other, "ward-a", None)]
    #[case("spBv1.0/STATE/scada", Kind::Other, "", None)]
    fn topics_are_read(#[case] text: &str, #[case] kind: Kind, #[case] edge: &str, #[case] device: Option<&str>) {
        let topic = Topic::parse(text).unwrap();
        assert_eq!((topic.kind, topic.edge, topic.device), (kind, edge, device));
    }

    #[rstest]
    #[case("spAv1.0/hospital/NBIRTH/ward-a")]
    #[case("spBv1.0/hospital/NBIRTH")]
    #[case("spBv1.0/hospital/NBIRTH/ward-a/mon-12")]
    #[case("spBv1.0/hospital/DDATA/ward-a")]
    #[case("spBv1.0/hospital/DDATA/ward-a/")]
    #[case("spBv1.0/hospital/DDATA/ward-a/a/b")]
    #[case("")]
    fn others_are_refused(#[case] text: &str) {
        assert!(Topic::parse(text).is_err());
    }
}
