//! From a request code to its row: two array look-ups.

/// Codes in a page, and so the step of the first look-up.
const PAGE_CODES: usize = 256;

/// Codes from here on cannot have a row. The largest that Apache knows is 200 151.
const CODE_LIMIT: i32 = 1 << 20;

const NO_ROW: u16 = u16::MAX;

/// Row numbers by code.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    pages: Vec<Option<Box<[u16; PAGE_CODES]>>>,
}

impl RouteTable {
    /// Panics where the code has a row already or is out of range: both are mistakes in the table.
    pub(crate) fn insert(&mut self, code: i32, row: usize) {
        assert!((0..CODE_LIMIT).contains(&code), "request code {code} is outside 0..{CODE_LIMIT}");
        let (page, place) = split(code);
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        let row = u16::try_from(row).unwrap_or(NO_ROW);
        assert!(row != NO_ROW, "more than {NO_ROW} request codes");
        if let Some(page) = self.pages.get_mut(page) {
            let page = page.get_or_insert_with(|| Box::new([NO_ROW; PAGE_CODES]));
            assert!(page[place] == NO_ROW, "request code {code} has two rows");
            page[place] = row;
        }
    }

    pub(crate) fn find(&self, code: i32) -> Option<usize> {
        let (page, place) = split(code);
        let row = *self.pages.get(page)?.as_ref()?.get(place)?;
        (row != NO_ROW).then_some(usize::from(row))
    }
}

/// Negative codes fall beyond every page.
fn split(code: i32) -> (usize, usize) {
    let code = usize::try_from(code).unwrap_or(usize::MAX);
    (code / PAGE_CODES, code % PAGE_CODES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_inserted_codes_are_found() {
        let mut table = RouteTable::default();
        let codes = [0, 10, 255, 256, 320, 200_050, CODE_LIMIT - 1];
        for (row, code) in codes.into_iter().enumerate() {
            table.insert(code, row);
        }
        for (row, code) in codes.into_iter().enumerate() {
            assert_eq!(table.find(code), Some(row));
        }
        for code in [-1, i32::MIN, 1, 257, 100_000, CODE_LIMIT, i32::MAX] {
            assert_eq!(table.find(code), None, "{code}");
        }
    }
}
