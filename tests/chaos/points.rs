//! The points of the work at which a replicator can be ended: read from the source itself.

use std::path::Path;

/// The names of all points, in order.
pub fn all() -> Vec<String> {
    let mut names = Vec::new();
    let mut todo = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                for call in ["fail::point!(\"", "fail::midway!(\""] {
                    names.extend(
                        text.split(call)
                            .skip(1)
                            .map(|rest| rest.split('"').next().unwrap().to_owned()),
                    );
                }
            }
        }
    }
    names.sort();
    names
}
