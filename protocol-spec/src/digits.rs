//! Decimal numbers as headers mostly carry them: a few digits without a sign.

/// The number of 1 to 18 digits that `text` begins with, and what follows it.
#[inline]
pub fn leading(text: &[u8]) -> Option<(i64, &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(count)?;
    Some((unsigned(digits)?, rest))
}

/// The number of 1 to 18 digits; `None` where `text` is anything else.
#[inline]
pub fn unsigned(text: &[u8]) -> Option<i64> {
    if let [digit @ b'0'..=b'9'] = text {
        return Some(i64::from(digit - b'0'));
    }
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    let (eights, rest) = text.as_chunks::<8>();
    let mut number = 0;
    for next in eights {
        number = number * 100_000_000 + eight(*next)?;
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(number)
}

/// The number of eight digits, in three multiplications: neighbours are joined to pairs, fours and
/// the whole.
#[inline]
pub fn eight(text: [u8; 8]) -> Option<i64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH_HALVES: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    let word = u64::from_le_bytes(text);
    // Digits are 0x30 to 0x39: adding 6 leaves the high half as it is.
    let sixes = word.wrapping_add(0x0606_0606_0606_0606);
    if (word & HIGH_HALVES) != ZEROS || (sixes & HIGH_HALVES) != ZEROS {
        return None;
    }
    let digits = word - ZEROS;
    let pairs = (digits * 10 + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    let whole = (fours * 10_000 + (fours >> 32)) & 0xFFFF_FFFF;
    i64::try_from(whole).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_reads_as_the_standard_library_reads_it(
            text in prop_oneof!["[0-9]{0,20}", "[0-9]{0,9}[-+/:x0-9 ][0-9]{0,9}"]
        ) {
            let expected = text.parse::<i64>().ok();
            let usual = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
            let expected = expected.filter(|_| usual);
            prop_assert_eq!(unsigned(text.as_bytes()), expected);
            let rest = text.trim_start_matches(|character: char| character.is_ascii_digit());
            let number = unsigned(&text.as_bytes()[..text.len() - rest.len()]);
            prop_assert_eq!(
                leading(text.as_bytes()),
                number.map(|number| (number, rest.as_bytes()))
            );
        }
    }
}
