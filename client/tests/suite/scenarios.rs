//! The scenarios, by name. Each takes a nameserver's address and makes topics and groups of its
//! own, so that many run at once on one server.
pub mod asking;
pub mod managing;
pub mod ordering;
pub mod popping;
pub mod receiving;
pub mod sending;
pub mod spaces;
pub mod support;
pub mod transactions;

macro_rules! scenarios {
    ($($area:ident::$name:ident,)+) => {
        /// Every scenario by name.
        pub const NAMES: &[&str] = &[$(stringify!($name)),+];

        /// Runs one scenario.
        pub async fn run(name: &str, nameserver: &str) {
            match name {
                $(stringify!($name) => $area::$name(nameserver).await,)+
                _ => panic!("no scenario is called {name}"),
            }
        }
    };
}

scenarios! {
    sending::sends_are_stored_with_content_properties_and_offsets,
    sending::a_key_stays_in_one_queue_in_order,
    sending::batches_and_oneway_sends_arrive_whole,
    sending::large_bodies_travel_compressed_and_arrive_as_sent,
    sending::the_first_send_creates_a_topic,
    sending::thousands_of_sends_share_a_connection,
    sending::callers_that_share_requests_get_their_own_places,
    sending::what_is_not_there_is_named,
    receiving::a_push_consumer_gets_each_message_and_goes_on_after_a_restart,
    receiving::members_share_the_queues_and_take_over_from_one_that_leaves,
    receiving::broadcasting_reaches_every_member_and_keeps_offsets_in_a_file,
    receiving::a_failed_message_comes_again_then_goes_to_the_dead_letters,
    receiving::a_pull_consumer_seeks_commits_and_finds_offsets_by_time,
    receiving::a_tail_sees_what_is_sent_and_what_was,
    asking::each_request_gets_the_reply_to_it,
    spaces::two_namespaces_share_topic_and_group_names_and_nothing_else,
    transactions::only_committed_transactions_are_seen,
    ordering::an_ordered_consumer_handles_what_failed_again_in_its_place,
    ordering::an_ordered_message_that_fails_too_often_is_dead_and_the_queue_goes_on,
    ordering::queues_change_hands_three_times_in_order_without_a_duplicate,
    popping::what_was_taken_comes_again_unless_it_was_acknowledged,
    popping::a_receive_waits_for_whichever_topic_has_something,
    managing::admin_sees_and_changes_topics_groups_and_brokers,
    managing::messages_are_found_by_key_unique_id_and_place,
    managing::progress_and_members_of_a_group_are_shown_and_reset,
}
