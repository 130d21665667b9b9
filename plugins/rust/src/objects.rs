//! The objects of a server, by slot.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;
use crate::wit::mcp::render::types::SlotObject;

/// The slot of the Deployment that runs the pods.
pub const WORKLOAD: &str = "workload";
/// The slot of the Service whose port `mcp` gives the server's URL.
pub const SERVICE: &str = "service";
/// The slot of what protects the pods.
pub const NETWORK_POLICY: &str = "network-policy";

/// The objects of a server, by slot, in their order.
///
/// An object is parsed when it is looked at; what a plugin only hands on stays the text that it was.
#[derive(Clone, Debug, Default)]
pub struct Objects(Vec<(String, Content)>);

#[derive(Clone, Debug)]
enum Content {
    Text(String),
    Parsed(Value),
}

impl Objects {
    /// The slots that hold an object.
    pub fn slots(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(slot, _)| slot.as_str())
    }

    /// The object in a slot, to be changed in place. When there is none, the failure says that the plugin needs another
    /// one before it.
    pub fn edit(&mut self, slot: &str) -> Result<&mut Value, Failure> {
        let content = self.0.iter_mut().find(|(other, _)| other == slot).map(|(_, content)| content);
        content.ok_or_else(|| missing(slot))?.parse().map_err(|error| unreadable(slot, &error))
    }

    /// The workload, to be changed in place.
    pub fn workload(&mut self) -> Result<&mut Value, Failure> {
        self.edit(WORKLOAD)
    }

    /// The object in a slot as a type of the caller. To be written back with [`set`](Self::set) only when that type knows
    /// every field, as those of `k8s-openapi` do.
    pub fn get<T: DeserializeOwned>(&self, slot: &str) -> Result<T, Failure> {
        let content = self.0.iter().find(|(other, _)| other == slot).map(|(_, content)| content);
        match content.ok_or_else(|| missing(slot))? {
            Content::Text(text) => serde_json::from_str(text),
            Content::Parsed(value) => T::deserialize(value),
        }
        .map_err(|error| unreadable(slot, &error))
    }

    /// Puts an object into a slot, in place of the one that is there.
    pub fn set(&mut self, slot: &str, object: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(object)
            .map_err(|error| Failure::Internal(format!("the object for slot {slot} cannot be written: {error}")))?;
        match self.0.iter_mut().find(|(other, _)| other == slot) {
            Some((_, content)) => *content = Content::Text(text),
            None => self.0.push((slot.to_owned(), Content::Text(text))),
        }
        Ok(())
    }

    /// Takes an object away: it will be deleted, if it was applied earlier.
    pub fn remove(&mut self, slot: &str) {
        self.0.retain(|(other, _)| other != slot);
    }

    pub(crate) fn read(objects: Vec<SlotObject>) -> Self {
        Self(objects.into_iter().map(|SlotObject { slot, object }| (slot, Content::Text(object))).collect())
    }

    pub(crate) fn write(self) -> Vec<SlotObject> {
        self.0.into_iter().map(|(slot, content)| SlotObject { slot, object: content.into_text() }).collect()
    }
}

impl Content {
    fn parse(&mut self) -> serde_json::Result<&mut Value> {
        if let Self::Text(text) = self {
            *self = Self::Parsed(serde_json::from_str(text)?);
        }
        match self {
            Self::Parsed(value) => Ok(value),
            Self::Text(_) => unreachable!("it has just been parsed"),
        }
    }

    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parsed(value) => value.to_string(),
        }
    }
}

fn missing(slot: &str) -> Failure {
    let need = "this plugin changes the objects of another one, which has to come before it in the chain";
    Failure::Unsupported(format!("there is no object in slot {slot}: {need}"))
}

fn unreadable(slot: &str, error: &serde_json::Error) -> Failure {
    Failure::Unsupported(format!("the object in slot {slot} is not what this plugin expects: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const UNUSUAL: &str = r#"{ "kind":"Service" , "apiVersion":"v1" }"#;

    fn objects() -> Objects {
        let mut objects = Objects::read(vec![SlotObject { slot: SERVICE.to_owned(), object: UNUSUAL.to_owned() }]);
        objects.set(WORKLOAD, &json!({"spec": {"replicas": 2}})).unwrap();
        objects
    }

    #[test]
    fn what_is_not_touched_stays_the_same_text() {
        let mut objects = objects();
        objects.workload().unwrap()["spec"]["replicas"] = json!(3);
        let written = objects.write();
        assert_eq!((written[0].slot.as_str(), written[0].object.as_str()), (SERVICE, UNUSUAL));
        assert_eq!((written[1].slot.as_str(), written[1].object.as_str()), (WORKLOAD, r#"{"spec":{"replicas":3}}"#));
    }

    #[test]
    fn an_object_can_be_read_as_a_type_before_and_after_a_change() {
        #[derive(serde::Deserialize)]
        struct Workload {
            spec: std::collections::BTreeMap<String, u32>,
        }
        let mut objects = objects();
        assert_eq!(objects.get::<Workload>(WORKLOAD).unwrap().spec["replicas"], 2);
        objects.workload().unwrap()["spec"]["replicas"] = json!(3);
        assert_eq!(objects.get::<Workload>(WORKLOAD).unwrap().spec["replicas"], 3);
    }

    #[test]
    fn an_object_replaces_the_one_in_its_slot() {
        let mut objects = objects();
        objects.set(SERVICE, &json!({})).unwrap();
        assert_eq!(objects.slots().collect::<Vec<_>>(), [SERVICE, WORKLOAD]);
        objects.remove(SERVICE);
        assert_eq!(objects.slots().collect::<Vec<_>>(), [WORKLOAD]);
    }

    #[test]
    fn a_missing_object_asks_for_another_plugin_before() {
        let Err(Failure::Unsupported(message)) = Objects::default().workload().cloned() else { panic!("no failure") };
        assert!(message.starts_with("there is no object in slot workload"), "{message}");
    }
}
