//! The aliases of Elasticsearch and OpenSearch, as documented: all actions of a request at once, or none.
//! <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-update-aliases>

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::wire::{Request, Wire};

type Answer = (&'static str, &'static str, String);

/// The aliases of each index.
type Indexes = BTreeMap<String, BTreeSet<String>>;

pub(super) struct Search {
    wire: Wire,
    indexes: Arc<Mutex<Indexes>>,
}

impl Search {
    pub(super) async fn start(names: &[&str]) -> Self {
        let indexes: Indexes = names
            .iter()
            .map(|name| ((*name).to_owned(), BTreeSet::new()))
            .collect();
        let indexes = Arc::new(Mutex::new(indexes));
        let there = Arc::clone(&indexes);
        let wire = Wire::start(move |request| answer(&request, &mut there.lock().unwrap())).await;
        Self { wire, indexes }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/_aliases", self.wire.port)
    }

    pub(super) fn point(&self, alias: &str, index: &str) {
        self.indexes
            .lock()
            .unwrap()
            .get_mut(index)
            .unwrap()
            .insert(alias.to_owned());
    }

    pub(super) fn forget(&self, index: &str) {
        self.indexes.lock().unwrap().remove(index);
    }

    pub(super) fn indexes_of(&self, alias: &str) -> Vec<String> {
        let indexes = self.indexes.lock().unwrap();
        let of = indexes.iter().filter(|(_, aliases)| aliases.contains(alias));
        of.map(|(index, _)| index.clone()).collect()
    }
}

fn answer(request: &Request, indexes: &mut Indexes) -> Answer {
    assert_eq!(request.what, "POST /_aliases");
    assert!(
        request.head.contains("content-type: application/json"),
        "{}",
        request.head
    );
    assert!(
        request.head.contains("authorization: apikey 0123456789"),
        "{}",
        request.head
    );
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let mut changed = indexes.clone();
    for action in body["actions"].as_array().unwrap() {
        let (what, of) = action.as_object().unwrap().iter().next().unwrap();
        let (index, alias) = (of["index"].as_str().unwrap(), of["alias"].as_str().unwrap());
        let is_meant = |name: &str| match index.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == index,
        };
        let mut meant = changed.iter_mut().filter(|(name, _)| is_meant(name)).peekable();
        if meant.peek().is_none() && !index.ends_with('*') {
            let error =
                json!({"error": {"type": "index_not_found_exception", "index": index}, "status": 404});
            return ("404 Not Found", "application/json", error.to_string());
        }
        for (_, aliases) in meant {
            match what.as_str() {
                "add" => aliases.insert(alias.to_owned()),
                "remove" => aliases.remove(alias),
                other => panic!("an action that the recipe does not have: {other}"),
            };
        }
    }
    *indexes = changed;
    (
        "200 OK",
        "application/json",
        json!({"acknowledged": true}).to_string(),
    )
}
