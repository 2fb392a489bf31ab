"""The demo: sample calls played through the whole service, and a look at what came out.

samples/    four made-up calls with their truth
player      sends a call's records as a telephone system and a recogniser would
listener    reads every ``deid.*`` topic
checks      compares what came out with the truth
picture     a call before and after, as spectrograms
report      tables and files
stage       broker, topics, policies, worker: all of it together
"""
