-- Members: lock-out after failures, and links by which they set a password of their own. A link is used when it was
-- opened, and also when it was replaced.
ALTER TABLE members
    ADD COLUMN failed_logins integer NOT NULL DEFAULT 0 CHECK (failed_logins >= 0),
    ADD COLUMN locked_until timestamptz,
    ADD COLUMN notify_by_email boolean NOT NULL DEFAULT true;

CREATE TABLE password_links (
    token_hash text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    member_id text NOT NULL REFERENCES members,
    created_by text NOT NULL REFERENCES members,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    opened_at timestamptz
);
CREATE INDEX password_links_opened ON password_links (organization_id, opened_at) WHERE opened_at IS NOT NULL;

ALTER TABLE sessions ADD COLUMN last_seen_at timestamptz;
UPDATE sessions SET last_seen_at = created_at;
ALTER TABLE sessions ALTER COLUMN last_seen_at SET NOT NULL;
CREATE INDEX sessions_by_member ON sessions (member_id, last_seen_at);

ALTER TABLE api_keys
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN created_by text REFERENCES members,
    ADD COLUMN revoked_by text REFERENCES members;

-- An agent by the id it is named with in requests. Its owner never approves what it asked for.
CREATE TABLE agents (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    agent_id text NOT NULL CHECK (agent_id <> ''),
    name text NOT NULL,
    owner_member_id text NOT NULL REFERENCES members,
    registered_by text NOT NULL REFERENCES members,
    registered_at timestamptz NOT NULL,
    retired_at timestamptz,
    UNIQUE (organization_id, agent_id)
);

-- Who answers, now, for the agents that a request names. A retired agent keeps its owner: retiring it is no way out.
-- Neither is another spelling: small letters or large, and blanks around it, make no other agent.
CREATE FUNCTION agent_owners(asked requests) RETURNS text[] LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT owner_member_id), '{}') FROM agents
    WHERE organization_id = asked.organization_id AND lower(btrim(agent_id)) IN (
        lower(btrim(asked.ovt -> 'initiator' ->> 'id')), lower(btrim(asked.ovt -> 'context' -> 'extra' ->> 'agent_id')),
        lower(btrim(asked.ovt -> 'metadata' ->> 'agent_id')))
$$;

CREATE TABLE organization_settings (
    organization_id text PRIMARY KEY REFERENCES organizations,
    break_glass text NOT NULL DEFAULT 'two_people' CHECK (break_glass IN ('off', 'two_people', 'one_with_alarm')),
    updated_by text NOT NULL REFERENCES members,
    updated_at timestamptz NOT NULL
);

-- While one is out of office, somebody else votes in their place; what was passed on is not passed on again.
CREATE TABLE delegations (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    from_member_id text NOT NULL REFERENCES members,
    to_member_id text NOT NULL REFERENCES members,
    reason text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    created_by text NOT NULL REFERENCES members,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK (from_member_id <> to_member_id),
    CHECK (starts_at < ends_at)
);
CREATE INDEX delegations_to ON delegations (to_member_id) WHERE ended_at IS NULL;

-- `excluded_member_ids` may never approve: who asked, the key's owner, the agent's owner, as of the request.
-- `context` is what Stripe said about the payment when people were asked.
ALTER TABLE approvals
    ADD COLUMN excluded_member_ids text[] NOT NULL DEFAULT '{}',
    ADD COLUMN context jsonb,
    ADD COLUMN context_read_at timestamptz,
    ADD COLUMN assignee_member_id text REFERENCES members,
    ADD COLUMN assigned_by text REFERENCES members,
    ADD COLUMN assigned_at timestamptz,
    ADD COLUMN info_requested_at timestamptz;
UPDATE approvals SET excluded_member_ids = ARRAY[requested_by];
ALTER TABLE approvals
    ALTER COLUMN excluded_member_ids DROP DEFAULT,
    ADD CHECK (requested_by = ANY (excluded_member_ids));

-- To whom a password came, since it was asked, by a link of somebody who may not approve it, or of somebody let in like
-- that: who made the link may be the one who logs in.
CREATE FUNCTION let_in_since(asked approvals) RETURNS text[] LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH RECURSIVE opened AS (
        SELECT member_id, created_by FROM password_links
        WHERE organization_id = asked.organization_id AND opened_at >= asked.asked_at
    ), let_in AS (
        SELECT member_id FROM opened WHERE created_by = ANY (asked.excluded_member_ids)
        UNION SELECT o.member_id FROM opened o JOIN let_in l ON l.member_id = o.created_by
    )
    SELECT coalesce(array_agg(member_id), '{}') FROM let_in
$$;

-- `on_behalf_of` is whose seat a delegate sits in: two votes never come from one authority.
ALTER TABLE votes
    ADD COLUMN on_behalf_of text REFERENCES members,
    ADD COLUMN door_ref text,
    ADD CHECK (on_behalf_of <> member_id);
CREATE UNIQUE INDEX votes_one_authority ON votes (approval_id, coalesce(on_behalf_of, member_id));

DROP TRIGGER votes_not_by_requester ON votes;
DROP FUNCTION refuse_own_vote;
CREATE FUNCTION refuse_vote() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked record;
BEGIN
    SELECT a.*, a.excluded_member_ids || agent_owners(r) || let_in_since(a) AS excluded INTO asked
        FROM approvals a JOIN requests r USING (decision_id) WHERE a.id = NEW.approval_id;
    IF NEW.member_id = ANY (asked.excluded) OR NEW.on_behalf_of = ANY (asked.excluded) THEN
        RAISE EXCEPTION 'nobody votes on what they, their key or their agent asked for' USING ERRCODE = 'restrict_violation';
    END IF;
    IF asked.state <> 'pending' OR clock_timestamp() >= asked.expires_at OR NEW.digest <> asked.digest THEN
        RAISE EXCEPTION 'a vote is for an open approval, of exactly what would be executed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (SELECT count(*) FROM members WHERE id IN (NEW.member_id, NEW.on_behalf_of) AND disabled_at IS NULL
            AND organization_id = asked.organization_id) <> 1 + (NEW.on_behalf_of IS NOT NULL)::integer THEN
        RAISE EXCEPTION 'only members vote' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.on_behalf_of IS NOT NULL AND NOT EXISTS (SELECT FROM delegations
            WHERE from_member_id = NEW.on_behalf_of AND to_member_id = NEW.member_id AND ended_at IS NULL
                AND organization_id = asked.organization_id AND clock_timestamp() >= starts_at AND clock_timestamp() < ends_at
                AND NOT (created_at >= asked.asked_at AND created_by = ANY (asked.excluded))) THEN
        RAISE EXCEPTION 'nobody votes for another without a delegation' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER votes_permitted BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION refuse_vote();

-- Past quorum and roles in an emergency: a second person confirms, or one goes alone and everybody is alarmed.
CREATE TABLE break_glass (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    approval_id text NOT NULL REFERENCES approvals,
    decision_id text NOT NULL REFERENCES decisions,
    state text NOT NULL CHECK (state IN ('open', 'used', 'withdrawn')),
    alone boolean NOT NULL,
    digest text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    opened_by text NOT NULL REFERENCES members,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    confirmed_by text REFERENCES members,
    confirmed_at timestamptz,
    CHECK (confirmed_by <> opened_by),
    CHECK (state <> 'used' OR alone OR confirmed_by IS NOT NULL)
);
CREATE UNIQUE INDEX break_glass_one_open ON break_glass (approval_id) WHERE state = 'open';
CREATE UNIQUE INDEX break_glass_one_used ON break_glass (approval_id) WHERE state = 'used';

CREATE FUNCTION refuse_break_glass() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM approvals a JOIN requests r USING (decision_id),
            LATERAL (SELECT a.excluded_member_ids || agent_owners(r) || let_in_since(a) AS ids) excluded
            WHERE a.id = NEW.approval_id AND (NEW.opened_by = ANY (ids) OR NEW.confirmed_by = ANY (ids))) THEN
        RAISE EXCEPTION 'nobody breaks the glass for what they asked for' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> 'withdrawn' AND NOT EXISTS (SELECT FROM approvals WHERE id = NEW.approval_id AND state = 'pending'
            AND digest = NEW.digest AND clock_timestamp() < least(expires_at, NEW.expires_at)) THEN
        RAISE EXCEPTION 'the glass is broken for an open approval, of exactly what would be executed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> 'withdrawn' AND (SELECT count(*) FROM members WHERE id IN (NEW.opened_by, NEW.confirmed_by)
            AND disabled_at IS NULL AND organization_id = NEW.organization_id AND roles && '{controller,admin}')
            <> 1 + (NEW.confirmed_by IS NOT NULL)::integer THEN
        RAISE EXCEPTION 'only controllers and administrators break the glass' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.alone AND NOT EXISTS (SELECT FROM organization_settings
            WHERE organization_id = NEW.organization_id AND break_glass = 'one_with_alarm') THEN
        RAISE EXCEPTION 'one person alone may not break the glass here' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER break_glass_permitted BEFORE INSERT OR UPDATE ON break_glass
    FOR EACH ROW EXECUTE FUNCTION refuse_break_glass();

-- Approved is what enough people approved, or what the glass was broken for.
CREATE FUNCTION refuse_unvoted_approval() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM break_glass WHERE approval_id = NEW.id AND state = 'used' AND digest = NEW.digest)
        AND (NEW.terms -> 'groups' = '[]'::jsonb OR (SELECT count(*) FROM votes WHERE approval_id = NEW.id AND verdict = 'approve')
            < (SELECT sum(coalesce((one ->> 'count')::integer, 1)) FROM jsonb_array_elements(NEW.terms -> 'groups') one)) THEN
        RAISE EXCEPTION 'nothing is approved without the votes it needs' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER approvals_voted BEFORE UPDATE ON approvals FOR EACH ROW
    WHEN (NEW.state = 'approved' AND OLD.state <> 'approved') EXECUTE FUNCTION refuse_unvoted_approval();

-- The first end of an approval is its last, and what was asked never changes.
CREATE FUNCTION refuse_reopening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an approval ends once, and what it asks never changes' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER approvals_end_once BEFORE UPDATE ON approvals FOR EACH ROW
    WHEN ((OLD.state <> 'pending' AND NEW.state <> OLD.state)
        OR (OLD.digest, OLD.terms, OLD.decision_id, OLD.requested_by, OLD.excluded_member_ids, OLD.expires_at)
            IS DISTINCT FROM (NEW.digest, NEW.terms, NEW.decision_id, NEW.requested_by, NEW.excluded_member_ids, NEW.expires_at))
    EXECUTE FUNCTION refuse_reopening();

CREATE TRIGGER approvals_begin_pending BEFORE INSERT ON approvals FOR EACH ROW
    WHEN (NEW.state <> 'pending') EXECUTE FUNCTION refuse_reopening();

-- What people were asked about goes on when they have approved it, whoever writes that it does.
CREATE FUNCTION refuse_unapproved() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM approvals WHERE state <> 'approved'
            AND decision_id = to_jsonb(NEW) ->> TG_ARGV[0]) THEN
        RAISE EXCEPTION 'what waits for people goes on when they have approved it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER decisions_approved BEFORE UPDATE ON decisions FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND NEW.state IN ('allowed', 'approved', 'executing', 'executed'))
    EXECUTE FUNCTION refuse_unapproved('id');
CREATE TRIGGER executions_approved BEFORE INSERT OR UPDATE ON executions FOR EACH ROW
    WHEN (NEW.state <> 'failed') EXECUTE FUNCTION refuse_unapproved('decision_id');

CREATE TABLE approval_comments (
    id text PRIMARY KEY,
    organization_id text NOT NULL,
    mode text NOT NULL,
    approval_id text NOT NULL REFERENCES approvals,
    member_id text NOT NULL REFERENCES members,
    kind text NOT NULL CHECK (kind IN ('comment', 'question', 'answer')),
    text text NOT NULL CHECK (text <> ''),
    door text NOT NULL,
    seq bigint NOT NULL,
    written_at timestamptz NOT NULL
);
CREATE INDEX approval_comments_by_approval ON approval_comments (approval_id, written_at);

-- A breaker compares what moved lately with what is usual, and proposes a freeze or sets it.
CREATE TABLE breakers (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    name text NOT NULL CHECK (name <> ''),
    metric text NOT NULL CHECK (metric IN ('count', 'amount', 'failures')),
    rail text NOT NULL,
    rail_action text NOT NULL,
    source text,
    currency text,
    window_seconds integer NOT NULL CHECK (window_seconds BETWEEN 60 AND 604800),
    baseline_seconds integer NOT NULL CHECK (baseline_seconds >= window_seconds),
    factor_percent integer NOT NULL CHECK (factor_percent > 100),
    minimum bigint NOT NULL CHECK (minimum > 0),
    response text NOT NULL CHECK (response IN ('propose', 'freeze')),
    freeze_seconds integer CHECK (freeze_seconds > 0),
    created_by text NOT NULL REFERENCES members,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    retired_at timestamptz,
    CHECK (metric <> 'amount' OR currency IS NOT NULL)
);
CREATE INDEX breakers_armed ON breakers (organization_id) WHERE retired_at IS NULL;

CREATE TABLE breaker_trips (
    id text PRIMARY KEY,
    organization_id text NOT NULL,
    mode text NOT NULL,
    breaker_id text NOT NULL REFERENCES breakers,
    state text NOT NULL CHECK (state IN ('proposed', 'accepted', 'dismissed', 'engaged')),
    observed bigint NOT NULL,
    usual bigint NOT NULL,
    threshold bigint NOT NULL,
    scope jsonb NOT NULL,
    control_id text,
    tripped_at timestamptz NOT NULL,
    resolved_by text REFERENCES members,
    resolved_reason text,
    resolved_at timestamptz
);
CREATE INDEX breaker_trips_by_time ON breaker_trips (organization_id, mode, tripped_at DESC);
CREATE UNIQUE INDEX breaker_trips_one_proposed ON breaker_trips (breaker_id) WHERE state = 'proposed';
CREATE INDEX executions_failed ON executions (organization_id, mode, settled_at)
    WHERE state = 'failed' AND first_call_at IS NOT NULL;

-- A control is engaged by a person or by a breaker, never by nobody.
ALTER TABLE controls
    ALTER COLUMN engaged_by DROP NOT NULL,
    ADD COLUMN breaker_id text REFERENCES breakers,
    ADD COLUMN in_flight text[] NOT NULL DEFAULT '{}',
    ADD CHECK (engaged_by IS NOT NULL OR breaker_id IS NOT NULL);
CREATE UNIQUE INDEX controls_one_hold ON controls ((scope ->> 'decision_id')) WHERE kind = 'hold' AND lifted_at IS NULL;
CREATE INDEX controls_holds ON controls ((scope ->> 'decision_id')) WHERE kind = 'hold';

-- Webhooks (standardwebhooks.com). Two secrets while one is being rotated; `votes_as` is whose votes it may send in.
CREATE TABLE webhook_endpoints (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    url text NOT NULL,
    description text NOT NULL,
    events text[] NOT NULL,
    secret_ciphertext bytea NOT NULL,
    previous_secret_ciphertext bytea,
    previous_secret_until timestamptz,
    previous_secret_votes boolean NOT NULL DEFAULT false,
    votes_as text REFERENCES members,
    created_by text NOT NULL REFERENCES members,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    removed_at timestamptz
);
-- Who is no member any more votes through no webhook, nor again should they come back.
CREATE FUNCTION end_webhook_votes() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE webhook_endpoints SET votes_as = NULL WHERE votes_as = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER members_end_webhook_votes AFTER UPDATE ON members FOR EACH ROW
    WHEN (NEW.disabled_at IS NOT NULL AND OLD.disabled_at IS NULL) EXECUTE FUNCTION end_webhook_votes();
CREATE INDEX webhook_endpoints_of ON webhook_endpoints (organization_id, mode) WHERE removed_at IS NULL;

-- What goes out through any door: written from the outbox once, tried until it is delivered or given up.
CREATE TABLE deliveries (
    id text PRIMARY KEY,
    organization_id text NOT NULL,
    mode text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('webhook', 'slack', 'email')),
    target text NOT NULL,
    event text NOT NULL,
    body jsonb NOT NULL,
    dedupe text NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    last_status integer,
    last_detail text,
    resend_of text REFERENCES deliveries ON DELETE SET NULL
);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_by_target ON deliveries (organization_id, channel, target, created_at DESC);
CREATE INDEX deliveries_by_time ON deliveries (organization_id, mode, created_at DESC, id DESC);
CREATE INDEX deliveries_by_age ON deliveries (finished_at) WHERE state <> 'pending';
CREATE INDEX deliveries_resent ON deliveries (resend_of) WHERE resend_of IS NOT NULL;

-- What was sealed before there were these ways out is not told through them.
INSERT INTO outbox_cursors (relay, organization_id, mode, seq)
SELECT 'deliveries/' || channel, organization_id, mode, seq
FROM chain_heads, unnest(ARRAY['webhook', 'slack', 'email']) AS channel;

CREATE TABLE delivery_attempts (
    delivery_id text NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    attempt integer NOT NULL,
    began_at timestamptz NOT NULL,
    milliseconds integer NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('delivered', 'retry', 'failed')),
    status integer,
    detail text NOT NULL,
    PRIMARY KEY (delivery_id, attempt)
);

-- What came in by a signed door: a message that comes twice does nothing the second time.
CREATE TABLE received_messages (
    door text NOT NULL,
    message_id text NOT NULL,
    received_at timestamptz NOT NULL,
    answer jsonb,
    PRIMARY KEY (door, message_id)
);
CREATE INDEX received_messages_by_age ON received_messages (received_at);

CREATE TABLE slack_installations (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    team_id text NOT NULL,
    channel_id text NOT NULL,
    bot_token_ciphertext bytea NOT NULL,
    installed_by text NOT NULL REFERENCES members,
    installed_at timestamptz NOT NULL,
    removed_at timestamptz
);
CREATE UNIQUE INDEX slack_installations_one ON slack_installations (organization_id) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX slack_installations_team ON slack_installations (team_id) WHERE removed_at IS NULL;

-- A member who is logged in is shown a code and types it in Slack: both sides have proved themselves.
CREATE TABLE slack_link_codes (
    code_hash text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    member_id text NOT NULL REFERENCES members,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE TABLE slack_links (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    team_id text NOT NULL,
    slack_user_id text NOT NULL,
    member_id text NOT NULL REFERENCES members,
    linked_at timestamptz NOT NULL,
    unlinked_at timestamptz
);
CREATE UNIQUE INDEX slack_links_user ON slack_links (team_id, slack_user_id) WHERE unlinked_at IS NULL;
CREATE UNIQUE INDEX slack_links_member ON slack_links (organization_id, member_id) WHERE unlinked_at IS NULL;

CREATE TABLE slack_messages (
    approval_id text PRIMARY KEY REFERENCES approvals,
    organization_id text NOT NULL,
    team_id text NOT NULL,
    channel_id text NOT NULL,
    ts text NOT NULL,
    posted_at timestamptz NOT NULL
);

CREATE TABLE email_links (
    token_hash text PRIMARY KEY,
    organization_id text NOT NULL,
    approval_id text NOT NULL REFERENCES approvals,
    member_id text NOT NULL REFERENCES members,
    digest text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX email_links_by_approval ON email_links (approval_id, member_id);

GRANT SELECT, INSERT ON password_links, agents, organization_settings, delegations, break_glass, approval_comments, breakers,
    breaker_trips, webhook_endpoints, deliveries, delivery_attempts, received_messages, slack_installations,
    slack_link_codes, slack_links, slack_messages, email_links TO axiru_app;
GRANT UPDATE (in_flight) ON controls TO axiru_app;
GRANT UPDATE (last_seen_at) ON sessions TO axiru_app;
GRANT UPDATE (last_used_at, revoked_by) ON api_keys TO axiru_app;
GRANT UPDATE (used_at) ON password_links, slack_link_codes, email_links TO axiru_app;
GRANT UPDATE (opened_at) ON password_links TO axiru_app;
GRANT UPDATE (name, owner_member_id, retired_at) ON agents TO axiru_app;
GRANT UPDATE (break_glass, updated_by, updated_at) ON organization_settings TO axiru_app;
GRANT UPDATE (ended_at) ON delegations TO axiru_app;
GRANT UPDATE (context, context_read_at, assignee_member_id, assigned_by, assigned_at, info_requested_at)
    ON approvals TO axiru_app;
GRANT UPDATE (state, confirmed_by, confirmed_at) ON break_glass TO axiru_app;
GRANT UPDATE (name, window_seconds, baseline_seconds, factor_percent, minimum, response, freeze_seconds, updated_at,
    retired_at) ON breakers TO axiru_app;
GRANT UPDATE (state, control_id, resolved_by, resolved_reason, resolved_at) ON breaker_trips TO axiru_app;
GRANT UPDATE (url, description, events, secret_ciphertext, previous_secret_ciphertext, previous_secret_until,
    previous_secret_votes, votes_as, disabled_at, removed_at) ON webhook_endpoints TO axiru_app;
GRANT UPDATE (state, attempts, next_attempt_at, finished_at, last_status, last_detail) ON deliveries TO axiru_app;
GRANT UPDATE (answer) ON received_messages TO axiru_app;
GRANT DELETE ON received_messages, deliveries TO axiru_app;
GRANT UPDATE (removed_at) ON slack_installations TO axiru_app;
GRANT UPDATE (unlinked_at) ON slack_links TO axiru_app;
GRANT UPDATE (team_id, channel_id, ts, posted_at) ON slack_messages TO axiru_app;
