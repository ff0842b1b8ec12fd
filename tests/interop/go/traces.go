// Message traces: producers and consumers that write down what they do into a topic.
package main

import (
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

func (c call) traceConfig() *primitive.TraceConfig {
	return &primitive.TraceConfig{
		TraceTopic: c.Traces,
		GroupName:  c.Group + "_traces",
		Access:     primitive.Local,
		Resolver:   c.resolver(),
	}
}

func (c call) producerTrace() []producer.Option {
	if c.Traces == "" {
		return nil
	}
	return []producer.Option{producer.WithTrace(c.traceConfig())}
}

func (c call) consumerTrace() []consumer.Option {
	if c.Traces == "" {
		return nil
	}
	return []consumer.Option{consumer.WithTrace(c.traceConfig())}
}
