//! A bucket with the requests of S3 that removing a prefix takes, as documented.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html>, `API_DeleteObjects`, `API_GetBucketLocation`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use regex::Regex;

use super::wire::{Request, Wire};

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

pub(super) struct Store {
    wire: Wire,
    keys: Arc<Mutex<BTreeSet<String>>>,
}

impl Store {
    pub(super) async fn start(keys: &[&str]) -> Self {
        let keys: BTreeSet<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let keys = Arc::new(Mutex::new(keys));
        let there = Arc::clone(&keys);
        let wire = Wire::start(move |request| {
            assert!(
                request
                    .head
                    .contains("authorization: aws4-hmac-sha256 credential=ak/"),
                "{}",
                request.head
            );
            (
                "200 OK",
                "application/xml",
                answer(&request, &mut there.lock().unwrap()),
            )
        });
        Self {
            wire: wire.await,
            keys,
        }
    }

    /// What s3cmd has to know.
    pub(super) fn settings(&self) -> String {
        let port = self.wire.port;
        format!(
            "[default]\naccess_key = AK\nsecret_key = SK\nhost_base = 127.0.0.1:{port}\nhost_bucket = 127.0.0.1:{port}\n\
             use_https = False\nmax_retries = 1\n"
        )
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.keys.lock().unwrap().iter().cloned().collect()
    }
}

fn answer(request: &Request, keys: &mut BTreeSet<String>) -> String {
    match request.what.as_str() {
        "GET /downloads/?location" => format!("{XML}<LocationConstraint {NAMESPACE}/>"),
        "GET /downloads/?prefix=generated%2F" => {
            let mut contents = String::new();
            for key in keys.iter().filter(|key| key.starts_with("generated/")) {
                let rest = "<LastModified>2026-02-01T00:00:00.000Z</LastModified><ETag>&quot;x&quot;</ETag><Size>1</Size>";
                write!(contents, "<Contents><Key>{key}</Key>{rest}</Contents>").unwrap();
            }
            format!(
                "{XML}<ListBucketResult {NAMESPACE}><Name>downloads</Name><Prefix>generated/</Prefix><Marker/><MaxKeys>1000</MaxKeys>\
                 <IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
            )
        }
        "POST /downloads/?delete" => {
            let named = Regex::new("<Key>([^<]*)</Key>").unwrap();
            let mut deleted = String::new();
            for key in named
                .captures_iter(&request.body)
                .map(|found| found[1].to_owned())
            {
                write!(deleted, "<Deleted><Key>{key}</Key></Deleted>").unwrap();
                keys.remove(&key);
            }
            format!("{XML}<DeleteResult {NAMESPACE}>{deleted}</DeleteResult>")
        }
        other => panic!("not among the requests that removing a prefix takes: {other}"),
    }
}
