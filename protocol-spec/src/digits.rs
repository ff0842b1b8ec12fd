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

/// The digits of a number below 100,000,000, zeros before it: it is parted into fours, pairs and
/// digits, in lanes that do not wait for each other.
#[inline]
pub fn of_eight(number: u32) -> [u8; 8] {
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    // Multiplied and shifted as a division by 100, then by 10, is for numbers this small.
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
    let digits = tens | ((pairs - tens * 10) << 8);
    (digits + 0x3030_3030_3030_3030).to_le_bytes()
}

/// The sixteen upper-case hexadecimal digits of a number, zeros before it: half of it a word, its
/// parts in lanes of their own.
#[inline]
pub fn hex(number: u64) -> [u8; 16] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let half = |half: u64| {
        let half = (half | half << 16) & 0x0000_FFFF_0000_FFFF;
        let half = (half | half << 8) & 0x00FF_00FF_00FF_00FF;
        let half = (half | half << 4) & (0x0F * EACH);
        let letters = ((half + 6 * EACH) >> 4) & EACH;
        half + u64::from(b'0') * EACH + letters * u64::from(b'A' - b'9' - 1)
    };
    let both = u128::from(half(number >> 32)) << 64 | u128::from(half(number & 0xFFFF_FFFF));
    both.to_be_bytes()
}

/// The two digits of a number below 100.
#[inline]
pub fn pair(number: u32) -> [u8; 2] {
    PAIRS[usize::try_from(number % 100).unwrap_or(0)]
}

/// The two digits of every number below 100.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [*b"00"; 100];
    let digits = b"0123456789";
    let mut number = 0;
    while number < 100 {
        pairs[number] = [digits[number / 10], digits[number % 10]];
        number += 1;
    }
    pairs
};

/// Writes a number that has as many digits as `place`; false, with anything in it, for others.
#[inline(never)]
pub fn fill(place: &mut [u8], number: i64) -> bool {
    if let [digit] = place {
        let Ok(number @ 0..=9) = u8::try_from(number) else { return false };
        *digit = b'0' + number;
        return true;
    }
    let Ok(mut left) = u64::try_from(number) else { return false };
    let (first, pairs) = place.as_rchunks_mut::<2>();
    for pair in pairs.iter_mut().rev() {
        *pair = PAIRS[usize::try_from(left % 100).unwrap_or(0)];
        left /= 100;
    }
    if let [first] = first {
        *first = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
    }
    left == 0 && place.first().is_some_and(|&first| first != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hexadecimal_digits_are_those_of_the_number(number: u64, shift in 0..64_u32) {
            for number in [number, number >> shift, 0, u64::MAX, 0x0123_4567_89AB_CDEF] {
                let expected = format!("{number:016X}").into_bytes();
                prop_assert_eq!(hex(number).to_vec(), expected);
            }
        }

        #[test]
        fn eight_digits_are_those_of_the_number(number in 0_u32..100_000_000) {
            for number in [number, number % 10_000, number / 10_000 * 10_000, 99_999_999, 0] {
                let expected = format!("{number:08}").into_bytes();
                prop_assert_eq!(of_eight(number).to_vec(), expected);
            }
        }

        #[test]
        fn a_number_fills_the_room_of_its_length_alone(
            number in any::<i64>(), shift in 0_u32..64, room in 0..21_usize,
        ) {
            for number in [number >> shift, number, 0] {
                let expected = number.to_string().into_bytes();
                let mut place = vec![b'-'; room];
                let fits = expected.len() == room && number >= 0;
                prop_assert_eq!(fill(&mut place, number), fits);
                prop_assert!(!fits || place == expected);
                let mut place = vec![0; expected.len()];
                prop_assert_eq!(fill(&mut place, number), number >= 0);
                prop_assert!(number < 0 || place == expected);
            }
        }

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
