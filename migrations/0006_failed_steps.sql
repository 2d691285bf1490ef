-- A step outside a transaction that the server refused may have left something behind; it waits for
-- another run, or for a person who says what became of it.
alter table tidegate.step drop constraint step_state_check;
alter table tidegate.step add constraint step_state_check
    check (state in ('intent', 'done', 'failed', 'unknown', 'undone'));
comment on table tidegate.step is
    'intent without outcome: a transactional step did not happen, another is unknown; failed: the server refused it';
