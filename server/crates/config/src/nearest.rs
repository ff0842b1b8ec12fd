//! The nearest known name to a misspelt one.

/// The candidate closest to `name`, if close enough that a person may have meant it.
pub fn nearest<'n>(name: &str, candidates: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = plain(name);
    let limit = (wanted.len() / 3).max(2);
    let scored =
        candidates.into_iter().map(|candidate| (edits(&wanted, &plain(candidate)), candidate));
    scored.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
}

/// Case, dots, dashes and underscores are where people differ most, and mean nothing.
fn plain(name: &str) -> Vec<char> {
    let letters = name.chars().filter(|c| !matches!(c, '.' | '_' | '-'));
    letters.map(|c| c.to_ascii_lowercase()).take(64).collect()
}

/// Insertions, deletions, substitutions and swaps of neighbours between two names.
fn edits(left: &[char], right: &[char]) -> usize {
    let width = right.len() + 1;
    let mut table = vec![0usize; (left.len() + 1) * width];
    for (column, cell) in table.iter_mut().take(width).enumerate() {
        *cell = column;
    }
    for row in 1..=left.len() {
        table[row * width] = row;
        for column in 1..width {
            let same = usize::from(left[row - 1] != right[column - 1]);
            let above = (row - 1) * width + column;
            let here = row * width + column;
            let mut best = (table[above] + 1).min(table[here - 1] + 1).min(table[above - 1] + same);
            let swapped = row > 1
                && column > 1
                && left[row - 1] == right[column - 2]
                && left[row - 2] == right[column - 1];
            if swapped {
                best = best.min(table[above - 1 - width] + 1);
            }
            table[here] = best;
        }
    }
    table.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let names = ["listenPort", "haListenPort", "flushDiskType", "store.flush"];
        assert_eq!(nearest("listenPrt", names), Some("listenPort"));
        assert_eq!(nearest("LISTEN_PORT", names), Some("listenPort"));
        assert_eq!(nearest("flsuhDiskType", names), Some("flushDiskType"));
        assert_eq!(nearest("store.flsh", names), Some("store.flush"));
        assert_eq!(nearest("bananas", names), None);
    }
}
