-- Who still waits for the customer's word, by when it must come: to find those whose timer did not come back.
create index payments_awaiting on payments (confirm_before) where status = 'awaiting_confirmation'
