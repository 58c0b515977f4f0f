-- That a link was used is said by the vote it cast, in one transaction with it; a second place could only differ.
REVOKE UPDATE (used_at) ON email_links FROM axiru_app;
ALTER TABLE email_links DROP COLUMN used_at;

-- Connections. `active` has a token that works; `revoked` was taken back at Stripe; `disconnected` was ended here.
ALTER TABLE stripe_connections DROP CONSTRAINT stripe_connections_status_check;
ALTER TABLE stripe_connections
    ADD CHECK (status IN ('active', 'revoked', 'disconnected')),
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN scope text NOT NULL DEFAULT '',
    ADD COLUMN refresh_ciphertext bytea,
    ADD COLUMN token_expires_at timestamptz,
    ADD COLUMN refreshed_at timestamptz,
    ADD COLUMN refreshing_until timestamptz,
    ADD COLUMN connected_by text REFERENCES members,
    ADD COLUMN status_reason text,
    ADD COLUMN status_changed_at timestamptz,
    ADD COLUMN reconciled_at timestamptz,
    ADD COLUMN missed_events bigint NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX stripe_connections_by_account ON stripe_connections (organization_id, mode, stripe_account_id)
    WHERE status = 'active';
CREATE INDEX stripe_connections_of_account ON stripe_connections (mode, stripe_account_id);

-- An installation under way: who began it, in which browser, and what its code is exchanged with.
CREATE TABLE stripe_installs (
    ticket_hash text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    member_id text NOT NULL REFERENCES members,
    state_hash text UNIQUE,
    browser_hash text,
    verifier_ciphertext bytea,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

-- The flip of a surface says who and why.
ALTER TABLE surfaces
    ADD COLUMN updated_by text REFERENCES members,
    ADD COLUMN reason text,
    ADD COLUMN override_reason text;
REVOKE UPDATE ON surfaces, stripe_connections FROM axiru_app;
GRANT UPDATE (surface_mode, updated_at, updated_by, reason, override_reason) ON surfaces TO axiru_app;
GRANT UPDATE (name, scope, token_ciphertext, refresh_ciphertext, token_expires_at, refreshed_at, refreshing_until,
    write_actions, default_currency, is_default, status, status_reason, status_changed_at, profile, reconciled_at,
    missed_events) ON stripe_connections TO axiru_app;

-- What Stripe told, stored before it is acknowledged. `body` is cut down to what rules and people may know.
CREATE TABLE stripe_events (
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    id text NOT NULL,
    stripe_connection_id text NOT NULL REFERENCES stripe_connections,
    stripe_account_id text NOT NULL,
    type text NOT NULL,
    api_version text,
    object_id text NOT NULL,
    body jsonb NOT NULL,
    happened_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    via text NOT NULL CHECK (via IN ('webhook', 'reconciliation')),
    state text NOT NULL CHECK (state IN ('received', 'processed', 'ignored', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    processed_at timestamptz,
    detail text,
    PRIMARY KEY (organization_id, mode, id)
);
CREATE INDEX stripe_events_due ON stripe_events (next_attempt_at) WHERE state = 'received';
CREATE INDEX stripe_events_by_time ON stripe_events (organization_id, mode, received_at DESC, id DESC);
CREATE INDEX stripe_events_by_connection ON stripe_events (stripe_connection_id, received_at DESC);
CREATE INDEX stripe_events_open ON stripe_events (stripe_connection_id, state) WHERE state IN ('received', 'failed');

-- Every movement seen on Stripe, once, with the decision it belongs to: one that was asked for, or one made of it.
CREATE TABLE observed_movements (
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    stripe_object_id text NOT NULL,
    stripe_connection_id text NOT NULL REFERENCES stripe_connections,
    kind text NOT NULL CHECK (kind IN ('refund', 'payout', 'transfer', 'app_fee_refund', 'dispute')),
    decision_id text NOT NULL REFERENCES requests DEFERRABLE INITIALLY DEFERRED,
    bypass boolean NOT NULL,
    why text NOT NULL,
    observed_at timestamptz NOT NULL,
    stripe_status text,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, mode, stripe_object_id)
);
CREATE INDEX observed_movements_by_decision ON observed_movements (decision_id);
-- Whose movement this is, is asked for each that is seen.
CREATE INDEX executions_by_object ON executions (organization_id, mode, stripe_object_id);
CREATE INDEX decisions_by_amount ON decisions (organization_id, mode, rail_action, amount_cents, currency, decided_at);

-- A request that nobody made to us: the object on Stripe that it was made of. Null for all who asked.
ALTER TABLE requests ADD COLUMN observed_object_id text;

-- Disputes as Stripe last told of them, and the packets of evidence built for each.
CREATE TABLE disputes (
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    id text NOT NULL,
    stripe_connection_id text NOT NULL REFERENCES stripe_connections,
    stripe_account_id text NOT NULL,
    charge text,
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    status text NOT NULL,
    evidence_due_by timestamptz,
    submission_count integer NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- What people were told of its deadline already: due_soon, past_due.
    notices text[] NOT NULL DEFAULT ARRAY[]::text[],
    PRIMARY KEY (organization_id, mode, id)
);
CREATE INDEX disputes_by_due ON disputes (organization_id, mode, evidence_due_by);
CREATE INDEX disputes_by_charge ON disputes (organization_id, mode, charge);
-- Evidence is made of every decision about a charge, refused ones too.
-- What was asked about a dispute, decided or not.
CREATE INDEX requests_by_dispute ON requests (organization_id, mode, (ovt -> 'target' ->> 'dispute'))
    WHERE ovt -> 'target' ->> 'dispute' IS NOT NULL;
CREATE INDEX decisions_by_charge ON decisions (organization_id, mode, charge, decided_at) WHERE charge IS NOT NULL;

CREATE TABLE evidence_packets (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    dispute_id text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    evidence jsonb NOT NULL,
    sources jsonb NOT NULL,
    missing text[] NOT NULL,
    digest text NOT NULL,
    degraded boolean NOT NULL,
    built_by text NOT NULL,
    built_at timestamptz NOT NULL,
    staged_at timestamptz,
    submitted_at timestamptz,
    submitted_by_decision text,
    submitted_degraded boolean NOT NULL DEFAULT false,
    UNIQUE (organization_id, mode, dispute_id, version),
    FOREIGN KEY (organization_id, mode, dispute_id) REFERENCES disputes (organization_id, mode, id)
);

-- What was undone of what was executed. One undoing a decision; a failed one may be tried again.
CREATE TABLE undoings (
    decision_id text PRIMARY KEY REFERENCES decisions,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    state text NOT NULL CHECK (state IN ('intended', 'calling', 'succeeded', 'failed')),
    call jsonb NOT NULL,
    idempotency_key text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    reason text NOT NULL,
    requested_by text NOT NULL REFERENCES members,
    requested_at timestamptz NOT NULL,
    last_call_at timestamptz,
    stripe_object_id text,
    stripe_status text,
    error_code text,
    error_message text,
    settled_at timestamptz
);

-- Stripe may ask its own people before it makes a call; nothing has moved until they agree, and nothing is called again.
ALTER TABLE executions DROP CONSTRAINT executions_state_check;
ALTER TABLE executions
    ADD CHECK (state IN ('intended', 'calling', 'requires_approval', 'succeeded', 'failed')),
    ADD COLUMN stripe_approval jsonb;
GRANT UPDATE (stripe_approval, idempotency_key) ON executions TO axiru_app;
CREATE INDEX executions_at_stripes_approval ON executions (organization_id, mode) WHERE state = 'requires_approval';

-- A freeze of a connected account also stops Stripe's automatic payouts; what the schedule was is kept for the way back.
CREATE TABLE payout_pauses (
    control_id text PRIMARY KEY REFERENCES controls,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    stripe_connection_id text REFERENCES stripe_connections,
    stripe_account_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('pausing', 'paused', 'restoring', 'restored', 'failed')),
    schedule_before jsonb,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    leased_until timestamptz,
    detail text,
    updated_at timestamptz NOT NULL
);
CREATE INDEX payout_pauses_due ON payout_pauses (next_attempt_at) WHERE state IN ('pausing', 'restoring');
CREATE INDEX payout_pauses_of_account ON payout_pauses (mode, stripe_account_id);

-- Payout programmes that may go on while Axiru cannot be reached: named one by one, limited, and never for good.
CREATE TABLE fail_open_programmes (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    programme text NOT NULL,
    currency text NOT NULL,
    max_amount_cents bigint NOT NULL CHECK (max_amount_cents > 0),
    reason text NOT NULL,
    added_by text NOT NULL REFERENCES members,
    added_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at <= added_at + interval '91 days'),
    removed_by text REFERENCES members,
    removed_at timestamptz
);
CREATE UNIQUE INDEX fail_open_programmes_in_force ON fail_open_programmes (organization_id, mode, programme, currency)
    WHERE removed_at IS NULL;

ALTER TABLE organization_settings
    ADD COLUMN bypass_alerts text[] NOT NULL DEFAULT ARRAY['console', 'slack', 'email', 'webhook'];
GRANT UPDATE (bypass_alerts) ON organization_settings TO axiru_app;

-- History pulled from Stripe: how far the pull is, and what it found, gone with the replay.
ALTER TABLE replays DROP CONSTRAINT replays_source_check;
ALTER TABLE replays
    ADD CHECK (source IN ('csv', 'decisions', 'stripe')),
    ADD COLUMN stripe_connection_id text REFERENCES stripe_connections;
CREATE TABLE replay_pulls (
    replay_id text PRIMARY KEY REFERENCES replays ON DELETE CASCADE,
    stage text NOT NULL,
    cursor text,
    pulled bigint NOT NULL DEFAULT 0,
    covered_from timestamptz,
    waited_seconds integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL
);
CREATE TABLE replay_objects (
    replay_id text NOT NULL REFERENCES replays ON DELETE CASCADE,
    kind text NOT NULL,
    id text NOT NULL,
    happened_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (replay_id, kind, id)
);

GRANT SELECT, INSERT ON stripe_installs, stripe_events, observed_movements, disputes, evidence_packets, undoings,
    payout_pauses, fail_open_programmes, replay_pulls, replay_objects TO axiru_app;
GRANT UPDATE (state_hash, browser_hash, verifier_ciphertext, used_at) ON stripe_installs TO axiru_app;
GRANT DELETE ON stripe_installs, stripe_events, replay_pulls, replay_objects TO axiru_app;
GRANT UPDATE (state, attempts, next_attempt_at, processed_at, detail) ON stripe_events TO axiru_app;
GRANT UPDATE (stripe_status, told_at) ON observed_movements TO axiru_app;
GRANT UPDATE (charge, amount_cents, currency, reason, status, evidence_due_by, submission_count, updated_at, notices)
    ON disputes TO axiru_app;
GRANT UPDATE (staged_at, submitted_at, submitted_by_decision, submitted_degraded) ON evidence_packets TO axiru_app;
GRANT UPDATE (state, call, idempotency_key, attempts, reason, requested_by, requested_at, last_call_at,
    stripe_object_id, stripe_status, error_code, error_message, settled_at) ON undoings TO axiru_app;
GRANT UPDATE (state, schedule_before, attempts, next_attempt_at, leased_until, detail, updated_at)
    ON payout_pauses TO axiru_app;
GRANT UPDATE (removed_by, removed_at) ON fail_open_programmes TO axiru_app;
GRANT UPDATE (stage, cursor, pulled, covered_from, waited_seconds, updated_at) ON replay_pulls TO axiru_app;
