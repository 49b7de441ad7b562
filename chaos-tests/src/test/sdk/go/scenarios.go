// The scenarios of ../README.md with the Go SDK.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
	"github.com/apache/rocketmq-clients/golang/v5/credentials"
)

const (
	patience  = 60 * time.Second
	invisible = 30 * time.Second
	// apache.rocketmq.v2.Code.MESSAGE_NOT_FOUND: an empty poll is an error to this SDK.
	messageNotFound = 40401
)

var endpoints, prefix string

// What the scenarios are made of.

type got struct {
	lock  sync.Mutex
	views []*rmq.MessageView
}

func (g *got) add(view *rmq.MessageView) {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.views = append(g.views, view)
}

func (g *got) all() []*rmq.MessageView {
	g.lock.Lock()
	defer g.lock.Unlock()
	return append([]*rmq.MessageView{}, g.views...)
}

func (g *got) collect(view *rmq.MessageView) rmq.ConsumerResult {
	g.add(view)
	return rmq.SUCCESS
}

func config(group string) *rmq.Config {
	return &rmq.Config{
		Endpoint:      endpoints,
		ConsumerGroup: group,
		Credentials:   &credentials.SessionCredentials{},
	}
}

func startProducer(checker *rmq.TransactionChecker, topics ...string) (rmq.Producer, error) {
	options := []rmq.ProducerOption{rmq.WithTopics(topics...)}
	if checker != nil {
		options = append(options, rmq.WithTransactionChecker(checker))
	}
	producer, err := rmq.NewProducer(config(""), options...)
	if err != nil {
		return nil, err
	}
	return producer, producer.Start()
}

func startSimple(group, topic string, filter *rmq.FilterExpression) (rmq.SimpleConsumer, error) {
	consumer, err := rmq.NewSimpleConsumer(config(group),
		rmq.WithSimpleAwaitDuration(5*time.Second),
		rmq.WithSimpleSubscriptionExpressions(map[string]*rmq.FilterExpression{topic: filter}))
	if err != nil {
		return nil, err
	}
	return consumer, consumer.Start()
}

// It ends with this process: its stop waits for polls, which take 20 s.
func startPush(group string, topics []string, consume func(*rmq.MessageView) rmq.ConsumerResult) error {
	subscriptions := map[string]*rmq.FilterExpression{}
	for _, topic := range topics {
		subscriptions[topic] = rmq.SUB_ALL
	}
	consumer, err := rmq.NewPushConsumer(config(group),
		rmq.WithPushSubscriptionExpressions(subscriptions),
		rmq.WithPushMessageListener(&rmq.FuncMessageListener{Consume: consume}))
	if err != nil {
		return err
	}
	return consumer.Start()
}

func send(producer rmq.Producer, message *rmq.Message) (*rmq.SendReceipt, error) {
	receipts, err := producer.Send(context.TODO(), message)
	if err != nil {
		return nil, err
	}
	return receipts[0], nil
}

func text(topic, body string) *rmq.Message {
	return &rmq.Message{Topic: topic, Body: []byte(body)}
}

func poll(consumer rmq.SimpleConsumer) ([]*rmq.MessageView, error) {
	views, err := consumer.Receive(context.TODO(), 16, invisible)
	if status, ok := rmq.AsErrRpcStatus(err); ok && status.GetCode() == messageNotFound {
		return nil, nil
	}
	return views, err
}

// Receives and acknowledges until there are so many.
func receive(consumer rmq.SimpleConsumer, count int) ([]*rmq.MessageView, error) {
	var views []*rmq.MessageView
	deadline := time.Now().Add(patience)
	for len(views) < count {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("got %d of %d", len(views), count)
		}
		some, err := poll(consumer)
		if err != nil {
			return nil, err
		}
		for _, view := range some {
			if err := consumer.Ack(context.TODO(), view); err != nil {
				return nil, err
			}
			views = append(views, view)
		}
	}
	return views, nil
}

func checkNothingMore(consumer rmq.SimpleConsumer) error {
	// One poll lasts for as long as a poll may; its end shows that nothing came.
	more, err := poll(consumer)
	if err == nil && len(more) > 0 {
		return fmt.Errorf("more than expected: %v", bodies(more))
	}
	return err
}

func bodies(views []*rmq.MessageView) []string {
	var all []string
	for _, view := range views {
		all = append(all, string(view.GetBody()))
	}
	return all
}

func checkSame(found, expected []string) error {
	found, expected = append([]string{}, found...), append([]string{}, expected...)
	sort.Strings(found)
	sort.Strings(expected)
	if !reflect.DeepEqual(found, expected) {
		return fmt.Errorf("expected %v, found %v", expected, found)
	}
	return nil
}

func awaitBodies(g *got, expected []string) error {
	deadline := time.Now().Add(patience)
	for len(g.all()) < len(expected) && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond)
	return checkSame(bodies(g.all()), expected)
}

func sendAll(producer rmq.Producer, topic string, all []string) error {
	for _, body := range all {
		if _, err := send(producer, text(topic, body)); err != nil {
			return err
		}
	}
	return nil
}

// The scenarios.

func normal() error {
	topic := prefix + "-normal"
	producer, err := startProducer(nil, topic)
	if err != nil {
		return err
	}
	defer producer.GracefulStop()
	consumer, err := startSimple(topic, topic, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	defer consumer.GracefulStop()
	var sent, found []string
	for i := 0; i < 20; i++ {
		message := text(topic, fmt.Sprintf("normal %d", i))
		message.SetTag("t")
		message.SetKeys(fmt.Sprintf("k%d", i))
		message.AddProperty("i", fmt.Sprint(i))
		receipt, err := send(producer, message)
		if err != nil {
			return err
		}
		sent = append(sent, receipt.MessageID)
	}
	views, err := receive(consumer, 20)
	if err != nil {
		return err
	}
	for _, view := range views {
		found = append(found, view.GetMessageId())
		i := view.GetProperties()["i"]
		if string(view.GetBody()) != "normal "+i || *view.GetTag() != "t" || view.GetKeys()[0] != "k"+i || view.GetDeliveryAttempt() != 1 {
			return fmt.Errorf("message %s: %s %s %v %d", i, view.GetBody(), *view.GetTag(), view.GetKeys(), view.GetDeliveryAttempt())
		}
	}
	if err := checkSame(found, sent); err != nil {
		return err
	}
	return checkNothingMore(consumer)
}

func push() error {
	topic := prefix + "-push"
	producer, err := startProducer(nil, topic)
	if err != nil {
		return err
	}
	defer producer.GracefulStop()
	var g got
	if err := startPush(topic, []string{topic}, g.collect); err != nil {
		return err
	}
	var all []string
	for i := 0; i < 50; i++ {
		all = append(all, fmt.Sprintf("push %d", i))
	}
	if err := sendAll(producer, topic, all); err != nil {
		return err
	}
	return awaitBodies(&g, all)
}

func twoTopics() error {
	topics := []string{prefix + "-two-topics", prefix + "-two-topics-2"}
	producer, err := startProducer(nil, topics...)
	if err != nil {
		return err
	}
	defer producer.GracefulStop()
	var g got
	if err := startPush(topics[0], topics, g.collect); err != nil {
		return err
	}
	var all []string
	for i := 0; i < 20; i++ {
		body := fmt.Sprintf("%s %d", topics[i%2], i)
		all = append(all, body)
		if _, err := send(producer, text(topics[i%2], body)); err != nil {
			return err
		}
	}
	if err := awaitBodies(&g, all); err != nil {
		return err
	}
	for _, view := range g.all() {
		if !strings.HasPrefix(string(view.GetBody()), view.GetTopic()+" ") {
			return fmt.Errorf("%s in %s", view.GetBody(), view.GetTopic())
		}
	}
	return nil
}

func fifo() error {
	topic := prefix + "-fifo"
	producer, err := startProducer(nil, topic)
	if err != nil {
		return err
	}
	defer producer.GracefulStop()
	var g got
	if err := startPush(topic, []string{topic}, g.collect); err != nil {
		return err
	}
	var all []string
	order := map[string][]string{}
	for i := 0; i < 30; i++ {
		group := fmt.Sprintf("group-%d", i%3)
		message := text(topic, fmt.Sprintf("%s %d", group, i/3))
		message.SetMessageGroup(group)
		if _, err := send(producer, message); err != nil {
			return err
		}
		all = append(all, string(message.Body))
		order[group] = append(order[group], string(message.Body))
	}
	if err := awaitBodies(&g, all); err != nil {
		return err
	}
	found := map[string][]string{}
	for _, view := range g.all() {
		group := *view.GetMessageGroup()
		found[group] = append(found[group], string(view.GetBody()))
	}
	if !reflect.DeepEqual(found, order) {
		return fmt.Errorf("order %v", found)
	}
	return nil
}

func delay() error {
	topic := prefix + "-delay"
	producer, err := startProducer(nil, topic)
	if err != nil {
		return err
	}
	defer producer.GracefulStop()
	consumer, err := startSimple(topic, topic, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	defer consumer.GracefulStop()
	due := time.Now().Add(8 * time.Second)
	kept, recalled := text(topic, "kept"), text(topic, "recalled")
	kept.SetDelayTimestamp(due)
	recalled.SetDelayTimestamp(due)
	if _, err := send(producer, kept); err != nil {
		return err
	}
	receipt, err := send(producer, recalled)
	if err != nil {
		return err
	}
	id, err := producer.Recall(context.TODO(), topic, receipt.RecallHandle)
	if err != nil {
		return err
	}
	if id != receipt.MessageID {
		return fmt.Errorf("recalled %s instead of %s", id, receipt.MessageID)
	}
	views, err := receive(consumer, 1)
	if err != nil {
		return err
	}
	if string(views[0].GetBody()) != "kept" || time.Now().Before(due) {
		return fmt.Errorf("got %s %v before it was due", views[0].GetBody(), time.Until(due))
	}
	return checkNothingMore(consumer)
}

func transaction() error {
	topic := prefix + "-transaction"
	var asked got
	producer, err := startProducer(&rmq.TransactionChecker{
		Check: func(view *rmq.MessageView) rmq.TransactionResolution {
			asked.add(view)
			return rmq.COMMIT
		},
	}, topic)
	if err != nil {
		return err
	}
	defer producer.GracefulStop()
	consumer, err := startSimple(topic, topic, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	defer consumer.GracefulStop()
	ends := map[string]func(rmq.Transaction) error{
		"committed":   rmq.Transaction.Commit,
		"rolled back": rmq.Transaction.RollBack,
		"undecided":   func(rmq.Transaction) error { return nil },
	}
	for body, end := range ends {
		one := producer.BeginTransaction()
		if _, err := producer.SendWithTransaction(context.TODO(), text(topic, body), one); err != nil {
			return err
		}
		if err := end(one); err != nil {
			return err
		}
	}
	views, err := receive(consumer, 2)
	if err != nil {
		return err
	}
	if err := checkSame(bodies(views), []string{"committed", "undecided"}); err != nil {
		return err
	}
	for _, view := range asked.all() {
		if string(view.GetBody()) != "undecided" {
			return fmt.Errorf("asked about %s", view.GetBody())
		}
	}
	return checkNothingMore(consumer)
}

// The first dead letter makes their topic, and nothing can be subscribed to before.
func startOnceThere(group, topic string) (rmq.SimpleConsumer, error) {
	deadline := time.Now().Add(patience)
	for {
		consumer, err := startSimple(group, topic, rmq.SUB_ALL)
		if err == nil || time.Now().After(deadline) {
			return consumer, err
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func dlq() error {
	topic := prefix + "-dlq"
	producer, err := startProducer(nil, topic)
	if err != nil {
		return err
	}
	defer producer.GracefulStop()
	var failed got
	err = startPush(topic, []string{topic}, func(view *rmq.MessageView) rmq.ConsumerResult {
		failed.add(view)
		return rmq.FAILURE
	})
	if err != nil {
		return err
	}
	message := text(topic, "doomed")
	message.AddProperty("p", "v")
	if _, err := send(producer, message); err != nil {
		return err
	}
	dead, err := startOnceThere(topic+"-dead", "%DLQ%"+topic)
	if err != nil {
		return err
	}
	defer dead.GracefulStop()
	views, err := receive(dead, 1)
	if err != nil {
		return err
	}
	var attempts []int32
	for _, view := range failed.all() {
		attempts = append(attempts, view.GetDeliveryAttempt())
	}
	if string(views[0].GetBody()) != "doomed" || views[0].GetProperties()["p"] != "v" || !reflect.DeepEqual(attempts, []int32{1, 2}) {
		return fmt.Errorf("got %s %v after attempts %v", views[0].GetBody(), views[0].GetProperties(), attempts)
	}
	return nil
}

// Sends a1 b2 c3 a4: tag and number of each message.
func filtered(scenario string, filter *rmq.FilterExpression, expected ...string) error {
	topic := prefix + "-" + scenario
	producer, err := startProducer(nil, topic)
	if err != nil {
		return err
	}
	defer producer.GracefulStop()
	consumer, err := startSimple(topic, topic, filter)
	if err != nil {
		return err
	}
	defer consumer.GracefulStop()
	for _, each := range []string{"a1", "b2", "c3", "a4"} {
		message := text(topic, each)
		message.SetTag(each[:1])
		message.AddProperty("n", each[1:])
		if _, err := send(producer, message); err != nil {
			return err
		}
	}
	views, err := receive(consumer, len(expected))
	if err != nil {
		return err
	}
	if err := checkSame(bodies(views), expected); err != nil {
		return err
	}
	return checkNothingMore(consumer)
}

func tag() error {
	return filtered("tag", rmq.NewFilterExpression("a || b"), "a1", "b2", "a4")
}

func sql() error {
	filter := rmq.NewFilterExpressionWithType("(TAGS = 'a' AND n > 1) OR n BETWEEN 2.5 AND 9", rmq.SQL92)
	return filtered("sql", filter, "c3", "a4")
}

func priority() error {
	topic := prefix + "-priority"
	producer, err := startProducer(nil, topic)
	if err != nil {
		return err
	}
	defer producer.GracefulStop()
	consumer, err := startSimple(topic, topic, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	defer consumer.GracefulStop()
	message := text(topic, "urgent")
	if err := message.SetPriority(3); err != nil {
		return err
	}
	if _, err := send(producer, message); err != nil {
		return err
	}
	// This SDK does not show a consumer the priority.
	views, err := receive(consumer, 1)
	if err == nil && string(views[0].GetBody()) != "urgent" {
		return fmt.Errorf("got %s", views[0].GetBody())
	}
	return err
}

func report(name string, scenario func() error) (line string) {
	start := time.Now()
	defer func() {
		if failure := recover(); failure != nil {
			line = oneLine(fmt.Sprintf("FAIL %s panic: %v", name, failure))
		}
	}()
	if err := scenario(); err != nil {
		return oneLine(fmt.Sprintf("FAIL %s %v", name, err))
	}
	return fmt.Sprintf("PASS %s %d", name, time.Since(start).Milliseconds())
}

func oneLine(text string) string {
	return regexp.MustCompile(`\s+`).ReplaceAllString(text, " ")
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, errors.New("usage: scenarios ENDPOINTS PREFIX [tls|plaintext]"))
		os.Exit(2)
	}
	endpoints, prefix = os.Args[1], os.Args[2]
	// TLS is what the SDK does by itself, and verifies nothing.
	rmq.EnableSsl = len(os.Args) < 4 || os.Args[3] != "plaintext"
	var running sync.WaitGroup
	for name, scenario := range map[string]func() error{
		"normal": normal, "push": push, "two-topics": twoTopics, "fifo": fifo, "delay": delay,
		"transaction": transaction, "dlq": dlq, "tag": tag, "sql": sql, "priority": priority,
	} {
		running.Add(1)
		go func() {
			defer running.Done()
			fmt.Println(report(name, scenario))
		}()
	}
	running.Wait()
}
