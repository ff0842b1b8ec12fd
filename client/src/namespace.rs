//! Names of topics and groups in a namespace: `namespace%name`, as in Java's `NamespaceUtil`.
use remora_protocol::names;

const NAMESPACE_END: char = '%';

/// A topic or group as brokers know it; in a retry topic the namespace is behind the prefix. What
/// has the namespace already, and what belongs to the system, stays as it is.
pub(crate) fn with_namespace(namespace: &str, name: &str) -> String {
    let (prefix, own) = [names::RETRY_PREFIX, names::DLQ_PREFIX]
        .into_iter()
        .find_map(|prefix| Some((prefix, name.strip_prefix(prefix)?)))
        .unwrap_or(("", name));
    let is_system = names::is_system_topic(name)
        || names::is_predefined_group(name)
        || names::is_system_group(name);
    if is_system || without_namespace(namespace, own) != own {
        return name.to_owned();
    }
    format!("{prefix}{namespace}{NAMESPACE_END}{own}")
}

/// A topic of this namespace as applications name it; any other as it is.
pub(crate) fn without_namespace<'n>(namespace: &str, topic: &'n str) -> &'n str {
    let rest = topic.strip_prefix(namespace).and_then(|rest| rest.strip_prefix(NAMESPACE_END));
    rest.unwrap_or(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespace_is_before_a_name_once_behind_a_prefix_and_not_in_system_names() {
        let full = |name| with_namespace("blue", name);
        assert_eq!(full("orders"), "blue%orders");
        assert_eq!(full("blue%orders"), "blue%orders");
        assert_eq!(full("blueorders"), "blue%blueorders");
        assert_eq!(full("green%orders"), "blue%green%orders");
        assert_eq!(full("%RETRY%shop"), "%RETRY%blue%shop");
        assert_eq!(full("%DLQ%blue%shop"), "%DLQ%blue%shop");
        assert_eq!(full("TBW102"), "TBW102");
        assert_eq!(full("TOOLS_CONSUMER"), "TOOLS_CONSUMER");
    }

    #[test]
    fn applications_see_the_topics_of_their_namespace_without_it() {
        assert_eq!(without_namespace("blue", "blue%orders"), "orders");
        assert_eq!(without_namespace("blue", "green%orders"), "green%orders");
        assert_eq!(without_namespace("blue", "blueorders"), "blueorders");
    }
}
