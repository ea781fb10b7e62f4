//! The known name that an unknown one is probably a slip of.

/// ``did you mean `known`? `` where a known name is near, and nothing otherwise.
pub fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("did you mean `{known}`? "))
}

/// The nearest of the known names, if it takes fewer edits than half of its length.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::osa_distance(name, known), known))
        .min()
        .filter(|(distance, known)| *distance * 2 < known.len())
        .map(|(_, known)| known)
}
