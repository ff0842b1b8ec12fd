// The official Go client as the test's servant: calls as JSON lines on standard input, events as JSON lines on standard
// output; see the Java program for the dialogue.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

type fields map[string]any

type message struct {
	Body  string            `json:"body"`
	Tags  string            `json:"tags"`
	Keys  string            `json:"keys"`
	Props map[string]string `json:"props"`
}

// One request of the test; each operation reads the arguments it needs.
type call struct {
	ID         int64  `json:"id"`
	Op         string `json:"op"`
	Nameserver string `json:"nameserver"`
	Broker     string `json:"broker"`
	Group      string `json:"group"`
	Producer   string `json:"producer"`
	Consumer   string `json:"consumer"`
	Topic      string `json:"topic"`
	Tags       string `json:"tags"`
	SQL        string `json:"sql"`
	Model      string `json:"model"`
	Manner     string `json:"manner"`
	Queues     int    `json:"queues"`
	Queue      int    `json:"queue"`
	Offset     int64  `json:"offset"`
	Count      int    `json:"count"`
	// The topic of the client's traces; empty: none.
	Traces    string `json:"traces"`
	Namespace string `json:"namespace"`
	// Where a new push group begins: last, timestamp (FromMs), else first.
	From   string `json:"from"`
	FromMs int64  `json:"fromMs"`
	// What a push consumer's listener refuses until it was delivered again so often.
	Failures          int       `json:"failures"`
	DelayLevel        int       `json:"delayLevel"`
	MaxReconsumeTimes *int32    `json:"maxReconsumeTimes"`
	Messages          []message `json:"messages"`
}

var (
	output    sync.Mutex
	running   sync.Map
	endOfPush sync.Map
)

var operations = map[string]func(call) (fields, error){
	"producer":          startProducer,
	"send":              send,
	"producer.stop":     stopProducer,
	"push":              push,
	"request":           request,
	"replier":           replier,
	"push.stop":         stopPush,
	"pull":              pull,
	"createTopic":       createTopic,
	"deleteTopic":       deleteTopic,
	"listTopics":        listTopics,
	"transaction.start": startTransactions,
	"transaction.send":  sendInTransaction,
	"transaction.stop":  stopTransactions,
}

func main() {
	rlog.SetLogLevel("fatal")
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 64<<20)
	for input.Scan() {
		var c call
		if err := json.Unmarshal(input.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, "go: not a call:", err)
			continue
		}
		go answer(c)
	}
}

func answer(c call) {
	operation, known := operations[c.Op]
	if !known {
		c.emit("failed", fields{"message": "no operation " + c.Op})
		return
	}
	result, err := operation(c)
	if err != nil {
		c.emit("failed", fields{"message": err.Error(), "class": fmt.Sprintf("%T", err)})
		return
	}
	c.emit("done", result)
}

func (c call) emit(event string, more fields) {
	line := fields{"id": c.ID, "event": event}
	for name, value := range more {
		line[name] = value
	}
	bytes, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(bytes, '\n'))
}

func (c call) resolver() primitive.NsResolver {
	return primitive.NewPassthroughResolver([]string{c.Nameserver})
}

func startProducer(c call) (fields, error) {
	options := append(c.producerTrace(),
		producer.WithNsResolver(c.resolver()),
		producer.WithGroupName(c.Group),
		producer.WithInstanceName(c.Producer),
		producer.WithQueueSelector(producer.NewRoundRobinQueueSelector()),
		producer.WithSendMsgTimeout(10*time.Second),
		producer.WithRetry(2),
		producer.WithNamespace(c.Namespace),
	)
	p, err := rocketmq.NewProducer(options...)
	if err != nil {
		return nil, err
	}
	running.Store(c.Producer, p)
	return nil, p.Start()
}

func stopProducer(c call) (fields, error) {
	p, _ := running.LoadAndDelete(c.Producer)
	return nil, p.(rocketmq.Producer).Shutdown()
}

func send(c call) (fields, error) {
	value, known := running.Load(c.Producer)
	if !known {
		return nil, fmt.Errorf("no producer %s", c.Producer)
	}
	p := value.(rocketmq.Producer)
	messages := make([]*primitive.Message, 0, len(c.Messages))
	for _, each := range c.Messages {
		m := primitive.NewMessage(c.Topic, []byte(each.Body))
		if each.Tags != "" {
			m.WithTag(each.Tags)
		}
		if each.Keys != "" {
			m.WithKeys(strings.Split(each.Keys, " "))
		}
		for name, value := range each.Props {
			m.WithProperty(name, value)
		}
		messages = append(messages, m)
	}
	switch c.Manner {
	case "async":
		return nil, sendAsync(c, p, messages)
	case "oneway":
		for _, m := range messages {
			if err := p.SendOneWay(context.Background(), m); err != nil {
				return nil, err
			}
		}
		return nil, nil
	case "batch":
		result, err := p.SendSync(context.Background(), messages...)
		if err == nil {
			c.emitSent(result)
		}
		return nil, err
	}
	for _, m := range messages {
		result, err := p.SendSync(context.Background(), m)
		if err != nil {
			return nil, err
		}
		c.emitSent(result)
	}
	return nil, nil
}

func sendAsync(c call, p rocketmq.Producer, messages []*primitive.Message) error {
	answered := make(chan error, len(messages))
	for _, m := range messages {
		err := p.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
			if err == nil {
				c.emitSent(result)
			}
			answered <- err
		}, m)
		if err != nil {
			return err
		}
	}
	for range messages {
		if err := <-answered; err != nil {
			return err
		}
	}
	return nil
}

func (c call) emitSent(result *primitive.SendResult) {
	c.emit("sent", fields{
		"status":      int(result.Status),
		"msgId":       result.MsgID,
		"offsetMsgId": result.OffsetMsgID,
		"queue":       result.MessageQueue.QueueId,
		"offset":      result.QueueOffset,
	})
}

func (c call) emitReceived(m *primitive.MessageExt) {
	c.emit("received", fields{
		"topic":     m.Topic,
		"body":      string(m.Body),
		"tags":      m.GetTags(),
		"keys":      m.GetKeys(),
		"queue":     m.Queue.QueueId,
		"offset":    m.QueueOffset,
		"reconsume": m.ReconsumeTimes,
		"msgId":     m.MsgId,
		"props":     m.GetProperties(),
	})
}

func push(c call) (fields, error) {
	return pushTo(c, func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		result := consumer.ConsumeSuccess
		for _, m := range messages {
			c.emitReceived(m)
			if int(m.ReconsumeTimes) < c.Failures {
				result = consumer.ConsumeRetryLater
			}
		}
		if concurrently, ok := primitive.GetConcurrentlyCtx(ctx); ok {
			concurrently.DelayLevelWhenNextConsume = c.DelayLevel
		}
		return result, nil
	})
}

type handler func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error)

// Runs a push consumer with this handler until "push.stop".
func pushTo(c call, handle handler) (fields, error) {
	model := consumer.Clustering
	if c.Model == "BROADCASTING" {
		model = consumer.BroadCasting
	}
	options := append(c.consumerTrace(),
		consumer.WithNsResolver(c.resolver()),
		consumer.WithGroupName(c.Group),
		consumer.WithInstance(c.Consumer),
		consumer.WithConsumerModel(model),
		consumer.WithConsumeFromWhere(c.from()),
		consumer.WithConsumeTimestamp(time.UnixMilli(c.FromMs).UTC().Format("20060102150405")),
		consumer.WithMaxReconsumeTimes(c.maxReconsumeTimes()),
		consumer.WithNamespace(c.Namespace),
	)
	pc, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return nil, err
	}
	err = pc.Subscribe(c.Topic, c.selector(), handle)
	if err != nil {
		return nil, err
	}
	end := make(chan struct{})
	endOfPush.Store(c.Consumer, end)
	running.Store(c.Consumer, pc)
	if err := pc.Start(); err != nil {
		return nil, err
	}
	c.emit("started", nil)
	<-end
	return nil, nil
}

func (c call) from() consumer.ConsumeFromWhere {
	switch c.From {
	case "last":
		return consumer.ConsumeFromLastOffset
	case "timestamp":
		return consumer.ConsumeFromTimestamp
	}
	return consumer.ConsumeFromFirstOffset
}

// Without a limit of its own, the group's counts.
func (c call) maxReconsumeTimes() int32 {
	if c.MaxReconsumeTimes == nil {
		return -1
	}
	return *c.MaxReconsumeTimes
}

// A condition on properties where one is given, else tags.
func (c call) selector() consumer.MessageSelector {
	if c.SQL != "" {
		return consumer.MessageSelector{Type: consumer.SQL92, Expression: c.SQL}
	}
	return consumer.MessageSelector{Type: consumer.TAG, Expression: c.Tags}
}

func stopPush(c call) (fields, error) {
	pc, _ := running.LoadAndDelete(c.Consumer)
	err := pc.(rocketmq.PushConsumer).Shutdown()
	end, _ := endOfPush.LoadAndDelete(c.Consumer)
	close(end.(chan struct{}))
	return nil, err
}

// Pulls Count messages of one queue from Offset on, then stops the consumer.
func pull(c call) (fields, error) {
	pc, err := rocketmq.NewPullConsumer(
		consumer.WithNsResolver(c.resolver()),
		consumer.WithGroupName(c.Group),
		consumer.WithInstance(c.Consumer),
	)
	if err != nil {
		return nil, err
	}
	if err := pc.Subscribe(c.Topic, c.selector()); err != nil {
		return nil, err
	}
	if err := pc.Start(); err != nil {
		return nil, err
	}
	defer pc.Shutdown()
	a, err := admin.NewAdmin(admin.WithResolver(c.resolver()))
	if err != nil {
		return nil, err
	}
	defer a.Close()
	queues, err := a.FetchPublishMessageQueues(context.Background(), c.Topic)
	if err != nil {
		return nil, err
	}
	for _, queue := range queues {
		if queue.QueueId != c.Queue {
			continue
		}
		offset := c.Offset
		for have := 0; have < c.Count; {
			result, err := pc.PullFrom(context.Background(), queue, offset, c.Count-have)
			if err != nil {
				return nil, err
			}
			if result.Status != primitive.PullFound {
				return nil, fmt.Errorf("pull at %d gave status %d", offset, result.Status)
			}
			for _, m := range result.GetMessageExts() {
				m.Queue = queue
				c.emitReceived(m)
				have++
			}
			offset = result.NextBeginOffset
		}
		return fields{"next": offset}, nil
	}
	return nil, fmt.Errorf("no queue %d", c.Queue)
}

func withAdmin(c call, work func(admin.Admin) (fields, error)) (fields, error) {
	a, err := admin.NewAdmin(admin.WithResolver(c.resolver()))
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return work(a)
}

func createTopic(c call) (fields, error) {
	return withAdmin(c, func(a admin.Admin) (fields, error) {
		return nil, a.CreateTopic(context.Background(),
			admin.WithTopicCreate(c.Topic),
			admin.WithBrokerAddrCreate(c.Broker),
			admin.WithReadQueueNums(c.Queues),
			admin.WithWriteQueueNums(c.Queues),
		)
	})
}

func deleteTopic(c call) (fields, error) {
	return withAdmin(c, func(a admin.Admin) (fields, error) {
		return nil, a.DeleteTopic(context.Background(),
			admin.WithTopicDelete(c.Topic),
			admin.WithBrokerAddrDelete(c.Broker),
		)
	})
}

func listTopics(c call) (fields, error) {
	return withAdmin(c, func(a admin.Admin) (fields, error) {
		list, err := a.FetchAllTopicList(context.Background())
		if err != nil {
			return nil, err
		}
		return fields{"topics": list.TopicList}, nil
	})
}
