//! The stored record read by hand, from the specification and not with our codec: a second opinion
//! on what was stored.

/// What the campaign wants to know of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Queue of the topic.
    pub queue: i32,
    /// Index in the queue.
    pub queue_offset: u64,
    /// Place in the commit log.
    pub physical_offset: u64,
    /// Wall clock of the broker when it was stored.
    pub store_timestamp_ms: u64,
    /// The body as sent.
    pub body: Vec<u8>,
}

/// What is wrong with bytes that should be records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// They end within a record.
    Short,
    /// Neither the first nor the second version's magic.
    Magic(u32),
    /// The body is not what its checksum says.
    BodyCrc { stored: u32, computed: u32 },
}

/// The records of a pull's body, in order.
pub fn records(mut bytes: &[u8]) -> Result<Vec<Stored>, Broken> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let total = usize::try_from(u32_at(bytes, 0)?).unwrap_or(usize::MAX);
        let (record, rest) = bytes.split_at_checked(total).ok_or(Broken::Short)?;
        records.push(one(record)?);
        bytes = rest;
    }
    Ok(records)
}

fn one(record: &[u8]) -> Result<Stored, Broken> {
    const MAGICS: [u32; 2] = [0xDAA3_20A7, 0xDAA3_20AB];
    const HOST_V6: u32 = 16 | 32;
    let magic = u32_at(record, 4)?;
    if !MAGICS.contains(&magic) {
        return Err(Broken::Magic(magic));
    }
    let sys_flag = u32_at(record, 36)?;
    let host_bytes = |flag: u32| if sys_flag & flag == 0 { 8 } else { 20 };
    // Up to the born timestamp 48 bytes; store timestamp, reconsume times, prepared transaction
    // offset: 20 more.
    let hosts = host_bytes(HOST_V6 & 16) + host_bytes(HOST_V6 & 32);
    let body_at = 48 + hosts + 20;
    let body_bytes = usize::try_from(u32_at(record, body_at)?).unwrap_or(usize::MAX);
    let body =
        record.get(body_at + 4..).and_then(|rest| rest.get(..body_bytes)).ok_or(Broken::Short)?;
    let (stored, computed) = (u32_at(record, 8)?, crc32fast::hash(body) & 0x7FFF_FFFF);
    if stored != computed {
        return Err(Broken::BodyCrc { stored, computed });
    }
    Ok(Stored {
        queue: i32::try_from(u32_at(record, 12)?).unwrap_or(-1),
        queue_offset: u64_at(record, 20)?,
        physical_offset: u64_at(record, 28)?,
        store_timestamp_ms: u64_at(record, 48 + host_bytes(HOST_V6 & 16))?,
        body: body.to_vec(),
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Broken> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(Broken::Short)?;
    Ok(u32::from_be_bytes(*word))
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Broken> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()).ok_or(Broken::Short)?;
    Ok(u64::from_be_bytes(*word))
}
