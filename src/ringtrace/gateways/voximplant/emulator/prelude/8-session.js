function alerting(event) {
  const call = new Call(event.callId, { incoming: true, ...event.about });
  application.dispatch(AppEvents.CallAlerting, { ...event.fields, name: AppEvents.CallAlerting, call });
}

const receivers = {
  application: (event) => application.dispatch(event.name, { ...event.fields, name: event.name }),
  alerting,
  player: (event) => {
    const player = players.get(event.id);
    if (player) playerHappened(player, event.name, event.fields);
  },
  call: (event) => happened(calls.get(event.id), event.name, event.fields),
  timer: (event) => fireTimer(event.id),
  answer: (event) => answered(event.id, event.result),
};

// An event as JSON is delivered; nothing hands over the commands queued so far.
return (json) => {
  if (json === '') return stringify(commands.splice(0));
  const event = parse(json);
  clock.now = event.now;
  receivers[event.kind](event);
  return '';
};
